"""`winnow jobs`: list, show, watch, table, curves, plot, cancel."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.curve import curve
from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, JobId, Url, connect, none_before
from winnow.cli.output import people, print_json
from winnow.cli.sheets import curves, table
from winnow.cli.tables import jobs_table, what
from winnow.cli.watching import show as show_job
from winnow.cli.watching import watch as watch_job

app = typer.Typer(
    help="List jobs; show, watch, plot or cancel one, or print what it measured.", invoke_without_command=True
)


@app.callback()
def jobs(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    if context.invoked_subcommand:
        none_before(context)
        return
    with connect(url, api_key) as client:
        found = list(islice(client.jobs(state, kind), limit))
    if as_json:
        print_json(found)
    else:
        people().print(jobs_table(found) if found else "No jobs.")


@app.command()
def show(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Show a job as it is now."""
    with connect(url, api_key) as client:
        job = client.job(job_id)
    if as_json:
        print_json(job)
    else:
        show_job(people(), job)


@app.command()
def watch(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Follow a job to its end; the exit code is 1 unless it succeeds."""
    with connect(url, api_key) as client:
        raise typer.Exit(watch_job(client, job_id, as_json).state != "succeeded")


@app.command()
def plot(
    job_id: JobId,
    out: Annotated[Path, typer.Argument(dir_okay=False, help="Where it goes: an SVG.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Draw accuracy over density, as far as it is known."""
    with connect(url, api_key) as client:
        job = client.job(job_id)
    if job.points:
        raise typer.BadParameter(
            f"{job_id} is a sweep, which has no levels of its own: `winnow jobs table {job_id}` has those of its points"
        )
    if len(job.levels) < 2:
        yet = "" if job.finished_at else " so far"
        raise typer.BadParameter(f"{job_id} is {job.state} with {len(job.levels)} levels{yet}; a curve wants two")
    out.write_text(curve(job.levels, what(job)), encoding="utf-8")
    if as_json:
        print_json({"path": str(out)})
    else:
        people().print(f"The curve is in {out}", soft_wrap=True)


app.command()(table)
app.command()(curves)


@app.command()
def cancel(job_id: JobId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Stop a job; levels already finished stay."""
    with connect(url, api_key) as client:
        job = client.cancel(job_id)
    if as_json:
        print_json(job)
    else:
        ended = job.state if job.finished_at else "is being cancelled"
        people().print(f"{job.id}  {ended}")

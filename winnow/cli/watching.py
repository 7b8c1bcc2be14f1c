"""Watching a job: a progress bar and the table of levels, renewed as they change."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from winnow.cli.output import people, print_json, remarks
from winnow.cli.tables import levels_table, state
from winnow.contract.resources import Job

if TYPE_CHECKING:
    from winnow.client import Client


def watch(client: "Client", job_id: str, as_json: bool) -> Job:
    """Show a job until it ends; with `as_json` print only its end. Ctrl-C stops the watching, not the job."""
    console = people()
    shown: AbstractContextManager[Live | None] = nullcontext()
    if not as_json and console.is_terminal:
        shown = Live(console=console, refresh_per_second=4, transient=True)
    try:
        with shown as live:
            for job in client.follow(job_id):
                if live:
                    live.update(picture(job))
    except KeyboardInterrupt:
        remarks().print(f"{job_id} goes on. Watch it again: winnow jobs watch {job_id}")
        raise
    if as_json:
        print_json(job)
    else:
        show(console, job)
    return job


def show(console: Console, job: Job) -> None:
    """A job as it is now: state, table, claims, error."""
    console.print(picture(job))
    if job.result:
        target, sparsest = job.result.target, job.result.sparsest_matching
        verdict = f", {target.verdict.replace('_', ' ')}" if target.verdict else ""
        console.print(f"[bold]{target.sparsity:.2%} sparse{verdict}[/]: {target.model_id}")
        if target.replicates_wanted:
            console.print(f"{target.replicates_wanted} replicates would likely settle it; done ones are not repeated")
        if sparsest and sparsest.level != target.level:
            console.print(f"sparsest level that matches dense on validation: {sparsest.sparsity:.2%}")
        console.print(f"Get its files: winnow download {job.id}", style="dim")
    if job.error:
        console.print(Text(f"{job.error.title}: {job.error.detail}", "red"))


def picture(job: Job) -> RenderableType:
    """State, bar and table."""
    progress = job.progress
    done = f"{progress.fraction:.0%}, {progress.units_done} of {progress.units_total} units"
    left = "" if progress.eta_seconds is None else f"about {_duration(progress.eta_seconds)} left"
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=1.0, completed=progress.fraction, width=30), done, left)
    head = Text.assemble((job.id, "bold"), "  ", state(job))
    return Group(head, bar, levels_table(job.levels)) if job.levels else Group(head, bar)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

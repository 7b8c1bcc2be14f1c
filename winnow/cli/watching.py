"""Watching a job: a progress bar and the table of levels, renewed as they change."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from winnow.cli.output import people, print_json, remarks
from winnow.cli.tables import levels_table, percent, points_table, state
from winnow.contract.resources import Job
from winnow.contract.rows import Claim, FoundRewind, JobResult, LevelRow, PointRow, Progress

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
                    live.update(job_picture(job))
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
    console.print(job_picture(job))
    if job.result:
        console.print(claims(job.result))
        console.print(f"Get its files: winnow download {job.id}", style="dim")
    if job.error:
        console.print(Text(f"{job.error.title}: {job.error.detail}", "red"))


def claims(result: JobResult) -> RenderableType:
    """What a job answers for, in words."""
    target, sparsest = result.target, result.sparsest_matching
    lines = [_found(result.rewind)] if result.rewind else []
    lines.append(_claim("" if result.target_reached else "no level meets the target; the last: ", target))
    if target.replicates_wanted:
        lines.append(Text(f"{target.replicates_wanted} replicates would likely settle it; what is done is kept"))
    if sparsest and sparsest.level != target.level:
        lines.append(_claim("sparsest that matches dense on validation: ", sparsest))
    return Group(*lines)


def _found(rewind: FoundRewind) -> Text:
    tried = ", ".join(f"{one.step}: {one.barrier:.1%}" for one in rewind.tried)
    note = "" if rewind.stable else " though none tried is stable"
    return Text(f"rewound to step {rewind.step}{note}; error barriers by step: {tried}")


def _claim(head: str, claim: Claim) -> Text:
    verdict = f", {claim.verdict.replace('_', ' ')}" if claim.verdict else ""
    return Text.assemble(head, (f"{claim.sparsity:.2%} sparse{verdict}", "bold"), f": {claim.model_id}")


def job_picture(job: Job) -> RenderableType:
    """A job's state, bar and table."""
    left = None if job.progress.eta_seconds is None else f"about {_duration(job.progress.eta_seconds)} left"
    return picture(Text.assemble((job.id, "bold"), "  ", state(job)), job.progress, (job.levels, job.points), left)


def picture(
    head: RenderableType,
    progress: Progress | None,
    found: tuple[Sequence[LevelRow], Sequence[PointRow]],
    left: str | None = None,
) -> RenderableType:
    """A line about what is at work, a bar, and the table of levels, or of points."""
    parts = [head]
    if progress:
        bar = Table.grid(padding=(0, 2))
        done = f"{percent(progress.fraction)}, {progress.units_done} of {progress.units_total} units"
        bar.add_row(ProgressBar(total=1.0, completed=progress.fraction, width=30), done, left or "")
        parts.append(bar)
    levels, points = found
    if levels:
        parts.append(levels_table(levels))
    if points:
        parts.append(points_table(points))
    return Group(*parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

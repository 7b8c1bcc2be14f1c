"""The job's table from the results so far: a row a level, a row a network, and the two claims."""

from collections.abc import Iterable, Mapping
from typing import Literal

from winnow.contract.results import Score, UnitResult
from winnow.contract.rows import Claim, JobResult, LevelRow, TableRow, Verdict
from winnow.contract.specs.granularity import WholeChannels
from winnow.contract.specs.jobs import CONTROLS, EvaluateSpec, PlaceArm, PruneSpec
from winnow.contract.specs.transfer import TRANSFER_ARMS, TransferSpec
from winnow.plan.evaluations import measured
from winnow.plan.level_rows import accuracy, level_row, model_row
from winnow.plan.needed import found_rewind
from winnow.plan.place import Place
from winnow.plan.places import places
from winnow.plan.resolved import Resolved
from winnow.plan.targets import Met, target_met
from winnow.plan.transfer_rows import judged, transferred
from winnow.plan.transfers import LEVEL
from winnow.plan.verdict import Arms, margin_for, replicates_wanted, summary, verdict

Results = Mapping[str, UnitResult]
Split = Literal["validation", "test"]
NETWORKS: tuple[PlaceArm, PlaceArm] = ("dense", "ticket")
"""What a level has of its own: dense networks at level 0, tickets below."""
Grid = dict[tuple[int, PlaceArm], dict[int, UnitResult]]


def levels(job: Resolved, results: Results) -> tuple[LevelRow, ...]:
    """One row for each level of which a ticket, or at level 0 a dense network, is known."""
    if isinstance(job.spec, EvaluateSpec):
        return measured(job, results)
    if isinstance(job.spec, TransferSpec):
        return transferred(job, results)
    known = _known(job, results)
    grid = _grid(known, results)
    numbers = sorted({place.level for place in known if place.arm in ("dense", "ticket")})
    return tuple(_level_row(job, level, grid, [p for p in known if p.level == level], results) for level in numbers)


def table(job: Resolved, results: Results) -> tuple[TableRow, ...]:
    """One row for each network measured so far, by level, arm and replicate."""
    compared: tuple[PlaceArm, ...] = TRANSFER_ARMS if isinstance(job.spec, TransferSpec) else CONTROLS
    order: tuple[PlaceArm, ...] = ("source", "evaluated", "dense", "ticket", *compared)
    shown = [place for place in _known(job, results) if place.arm in order]
    known = sorted(shown, key=lambda p: (p.level, order.index(p.arm), p.replicate))
    return tuple(_table_row(place, results[place.unit.key]) for place in known)


def claims(job: Resolved, results: Results) -> JobResult:
    """What the finished job answers for: the level asked for, and the sparsest one that holds on validation."""
    rows = levels(job, results)
    chosen, met = sparsest_matching(job, results), level_of_target(job, results)
    return JobResult(
        target=_claim(job, _row(rows, met.level), results).model_copy(update={"asked": _asked(job)}),
        target_reached=met.reached,
        sparsest_matching=None if chosen is None else _claim(job, _row(rows, chosen), results),
        rewind=found_rewind(job, results),
    )


def level_of_target(job: Resolved, results: Results) -> Met:
    """The level that the finished job's target comes to; test scores have no say."""
    if not isinstance(job.spec, PruneSpec):
        return Met(LEVEL if isinstance(job.spec, TransferSpec) else 0, reached=True)
    grid = _grid(_known(job, results), results)
    numbers = sorted(place for place in grid if place[1] in NETWORKS)
    met = target_met(job.spec, [[result for _, result in sorted(grid[place].items())] for place in numbers])
    return met._replace(level=numbers[met.level][0])  # a sparse model's levels begin further down


def sparsest_matching(job: Resolved, results: Results) -> int | None:
    """The sparsest level that matches dense by validation scores alone; test scores have no say."""
    grid = _grid(_known(job, results), results)
    numbers = sorted({level for level, arm in grid if arm == "ticket"}, reverse=True)
    holds = ("matching", "winning")
    return next((level for level in numbers if level_verdict(job, level, grid, "validation") in holds), None)


def level_verdict(job: Resolved, level: int, grid: Grid, split: Split) -> Verdict | None:
    """The verdict of one level on one split, or None until all its arms are measured.

    None, too, of a ticket that masks no more than the sparse model it is of: a match with itself is no finding.
    """
    if level == 0 or not isinstance(job.spec, PruneSpec):
        return None
    wanted = set(range(job.spec.replicates))
    needed: tuple[tuple[int, PlaceArm], ...] = (
        (0, "dense"),
        (level, "ticket"),
        *((level, a) for a in job.spec.controls),
    )
    if any(set(grid.get(place, {})) != wanted for place in needed):
        return None
    if all(grid[level, "ticket"][r].zeros == grid[0, "dense"][r].zeros for r in wanted):
        return None
    sizes = job.facts.sizes()
    images = sizes.test if split == "test" else sizes.validation
    margin = margin_for(float(job.spec.margin), images)
    # A gradual ticket trains dense at first: that its mask trains as well from k on, nobody has seen.
    same_budget = job.retrain.lr == "resume" and job.ramp is None
    return verdict(_arms(level, grid, split), images, margin, same_budget=same_budget)


def _known(job: Resolved, results: Results) -> list[Place]:
    """The networks of the table that are measured; those that search the rewind point are not in it."""
    return [place for place in places(job, results) if place.unit.key in results and place.arm != "stability"]


def _grid(known: Iterable[Place], results: Results) -> Grid:
    grid: Grid = {}
    for place in known:
        grid.setdefault((place.level, place.arm), {})[place.replicate] = results[place.unit.key]
    return grid


def _arms(level: int, grid: Grid, split: Split) -> Arms:
    return Arms(
        ticket=_scores(level, "ticket", grid, split),
        dense=_scores(0, "dense", grid, split),
        random_reinit=_scores(level, "random_reinit", grid, split) or None,
        random_mask=_scores(level, "random_mask", grid, split) or None,
    )


def _scores(level: int, arm: PlaceArm, grid: Grid, split: Split) -> list[float]:
    return [_score(result, split).accuracy for _, result in sorted(grid.get((level, arm), {}).items())]


def _score(result: UnitResult, split: Split) -> Score:
    score = result.metrics.test if split == "test" else result.metrics.validation
    assert score is not None  # noqa: S101 - every arm is measured on both
    return score


def _level_row(job: Resolved, level: int, grid: Grid, here: list[Place], results: Results) -> LevelRow:
    network: PlaceArm = "ticket" if level else "dense"
    own = sorted((p for p in here if p.arm == network), key=lambda p: p.replicate)
    models = tuple(model_row(p, results[p.unit.key].metrics.test) for p in own)
    controls = job.spec.controls if isinstance(job.spec, PruneSpec) and level else ()
    shown = {"ticket": summary(_scores(level, "ticket", grid, "test"))} if level else {}
    shown |= {"dense": summary(_scores(0, "dense", grid, "test"))}
    shown |= {arm: summary(_scores(level, arm, grid, "test")) for arm in controls}
    return level_row(own[0], results[own[0].unit.key], shown, level_verdict(job, level, grid, "test"), models)


def _table_row(place: Place, result: UnitResult) -> TableRow:
    packed, test = result.files.get("ticket.winnow"), result.metrics.test
    return TableRow(
        level=place.level,
        arm=place.arm,
        replicate=place.replicate,
        sparsity=result.sparsity,
        density=result.density,
        zeros=result.zeros,
        prunable=result.prunable,
        train_accuracy=accuracy(result.metrics.train),
        validation_accuracy=accuracy(result.metrics.validation),
        test_accuracy=accuracy(test),
        test_accuracy_at_lowest_validation_loss=accuracy(result.metrics.best_test),
        step_of_lowest_validation_loss=result.metrics.best_step,
        total_steps=result.total_steps,
        bytes=packed.bytes if packed else None,
        model_id=place.unit.model_id,
        test_top5_accuracy=test.top5_accuracy if test else None,
        test_coarse_accuracy=test.coarse_accuracy if test else None,
        test_calibration_error=test.calibration_error if test else None,
        nonzeros=result.nonzeros,
        macs_dense=result.macs_dense,
        macs_effective=result.macs_effective,
        train_loss=_loss(result.metrics.train),
        validation_loss=_loss(result.metrics.validation),
        test_loss=_loss(test),
        parameters=result.parameters,
    )


def _loss(score: Score | None) -> float | None:
    return None if score is None else score.loss


def _asked(job: Resolved) -> float | None:
    """The target, where what is pruned at once seldom sums up to it."""
    if not isinstance(job.spec, PruneSpec) or job.spec.open_target:
        return None
    return float(job.sparsity) if isinstance(job.spec.method.granularity, WholeChannels) else None


def _claim(job: Resolved, row: LevelRow, results: Results) -> Claim:
    wanted = None
    if row.verdict == "inconclusive" and isinstance(job.spec, PruneSpec | TransferSpec):
        images = job.facts.sizes().test
        carried = judged(job, results) if isinstance(job.spec, TransferSpec) else None
        arms = carried or _arms(row.level, _grid(_known(job, results), results), "test")
        wanted = replicates_wanted(arms, images, margin_for(float(job.spec.margin), images))
    return Claim(
        level=row.level,
        sparsity=row.sparsity,
        verdict=row.verdict,
        model_id=row.model_id or "",
        replicates_wanted=wanted,
    )


def _row(rows: tuple[LevelRow, ...], level: int) -> LevelRow:
    return next(row for row in rows if row.level == level)

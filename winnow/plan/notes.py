"""What a reader of the certificate has to know: how the claims were chosen, and what they do not say."""

from collections.abc import Iterator, Mapping, Sequence

from winnow.contract.results import UnitResult
from winnow.contract.rows import FoundRewind
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.targets import Target
from winnow.plan.places import places
from winnow.plan.resolved import Resolved
from winnow.plan.rows import claims, level_of_target, levels

ALWAYS = (
    "The interval is over seeds, on this test set.",
    "The claims are the level asked for and the sparsest one that matches on validation; verdicts of other levels are "
    "not adjusted for many looks.",
)


def notes(job: Resolved, results: Mapping[str, UnitResult]) -> Iterator[str]:
    """The notes of a finished job."""
    yield from ALWAYS
    if found := claims(job, results).rewind:
        yield _of_rewind(found)
    if job.left_out:
        yield (
            "As the model came out, it masks nothing or was rewound to its very start, so there is no "
            f"{', '.join(job.left_out)} that differs from the other arms."
        )
    if isinstance(job.spec, PruneSpec) and (given := next(iter(levels(job, results))).sparsity):
        yield from _of_a_sparse_model(given, job.spec)
    if isinstance(job.spec, PruneSpec) and (target := job.spec.open_target):
        yield _of_target(target)
        if not level_of_target(job, results).reached:
            yield _of_a_miss(target, [results[place.unit.key] for place in places(job, results)])


def _of_a_sparse_model(given: float, spec: PruneSpec) -> Iterator[str]:
    yield (
        f"`dense` is the model that the job began with, of which {given:.2%} is masked, trained on under its mask: "
        "verdicts are against that, and none is given of a ticket that masks no more."
    )
    if "random_mask" in spec.controls:
        yield "`random_mask` lays most of what it keeps on weights that were 0 before, and is easily beaten."


def _of_rewind(found: FoundRewind) -> str:
    said = f"The rewind point of all replicates, step {found.step}, was found on validation images of replicate 0: "
    if found.stable:
        return said + "the first of the points tried from which two copies of the dense network are stable."
    return said + "from none of the points tried are two copies of the dense network stable, and the last was taken."


def _of_a_miss(target: Target, found: Sequence[UnitResult]) -> str:
    if target.max_bytes is None:
        return "No level met the target: tickets of level 1 lost more, and the claim is dense."
    fixed = max(result.fixed_bytes or 0 for result in found)
    return (
        f"No level met the target, and the claim is the last there is: of every packed ticket {fixed} bytes are its "
        "header and what is never pruned."
    )


def _of_target(target: Target) -> str:
    if target.max_bytes is not None:
        return f"The level asked for is the first whose every packed ticket has at most {target.max_bytes} bytes."
    return (
        f"The level asked for was chosen on validation images: the last before tickets lose more than "
        f"{target.max_accuracy_drop} points of accuracy, or three images. From three replicates on, the one-sided 95 % "
        "lower bound of their mean paired difference from dense must stay within that; with fewer, the mean."
    )

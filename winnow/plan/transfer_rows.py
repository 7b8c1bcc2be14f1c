"""What a transfer found: one row, keyed by its arms, and the verdict on the ticket among them."""

from collections.abc import Mapping

from winnow.contract.inputs import OutsideInputs
from winnow.contract.results import UnitResult
from winnow.contract.rows import ArmSummary, LevelRow, Verdict
from winnow.contract.specs.jobs import Arm
from winnow.contract.specs.transfer import TICKETS, TRANSFER_ARMS, TransferArm, TransferSpec
from winnow.plan.level_rows import level_row, model_row
from winnow.plan.place import Place
from winnow.plan.resolved import Resolved
from winnow.plan.transfers import is_dense_too, transfers
from winnow.plan.verdict import Arms, margin_for, summary, verdict

Results = Mapping[str, UnitResult]


def transferred(job: Resolved, results: Results) -> tuple[LevelRow, ...]:
    """The row, as soon as its own network is there: that of the first arm that carries something."""
    spec = _spec(job)
    arms: tuple[TransferArm, ...] = spec.arms or ()
    known = [place for place in transfers(job) if place.arm in TRANSFER_ARMS and place.unit.key in results]
    own = [place for place in known if place.arm == spec.carried[0]]
    if not own:
        return ()
    first = min(own, key=lambda place: place.replicate)
    models = tuple(model_row(place, results[place.unit.key].metrics.test) for place in known)
    shown: dict[Arm | str, ArmSummary | None] = {arm: summary(_scores(known, results, arm)) for arm in arms}
    return (level_row(first, results[first.unit.key], shown, transfer_verdict(job, results), models),)


def transfer_verdict(job: Resolved, results: Results) -> Verdict | None:
    """On the first ticket that was asked for, once all arms are measured; None without a ticket or no_mask."""
    compared = judged(job, results)
    if compared is None:
        return None
    images = job.facts.sizes().test
    return verdict(compared, images, margin_for(float(_spec(job).margin), images), same_budget=True)


def judged(job: Resolved, results: Results) -> Arms | None:
    """What the verdict is on, once all arms are measured.

    None where `no_mask` cannot differ from the ticket: that a network matches itself is no finding.
    A network from elsewhere has no other values than those it came with: there the random mask alone decides
    `winning`.
    """
    spec = _spec(job)
    arms: tuple[TransferArm, ...] = spec.arms or ()
    ticket = next((arm for arm in TICKETS if arm in arms), None)
    known = [place for place in transfers(job) if place.arm in TRANSFER_ARMS]
    if ticket is None or "no_mask" not in arms or any(place.unit.key not in results for place in known):
        return None
    if is_dense_too(job, spec, ticket):
        return None
    found = {arm: _scores(known, results, arm) for arm in arms}
    shuffled = found.get("random_mask")
    outside = isinstance(job.source[0].inputs, OutsideInputs)
    return Arms(
        ticket=found[ticket],
        dense=found["no_mask"],
        random_reinit=shuffled if outside else found.get("mask_random"),
        random_mask=shuffled,
    )


def _spec(job: Resolved) -> TransferSpec:
    assert isinstance(job.spec, TransferSpec)  # noqa: S101 - the caller's mistake
    return job.spec


def _scores(known: list[Place], results: Results, arm: TransferArm) -> list[float]:
    here = sorted((place for place in known if place.arm == arm), key=lambda place: place.replicate)
    tested = [results[place.unit.key].metrics.test for place in here if place.unit.key in results]
    return [test.accuracy for test in tested if test is not None]

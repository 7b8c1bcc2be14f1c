"""Resolving a spec, by its kind."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from winnow.contract.datasets import DatasetFacts
from winnow.contract.ids import is_model_id
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.choices import ModelChoice
from winnow.contract.specs.jobs import EvaluateSpec, Spec
from winnow.contract.specs.sweep import At, points_of
from winnow.contract.specs.transfer import TransferSpec
from winnow.contract.units import Unit
from winnow.contract.values import canonical_json
from winnow.plan.evaluations import resolve_evaluation
from winnow.plan.planning import is_more_than
from winnow.plan.resolve import MAX_UNITS, resolve_training
from winnow.plan.resolved import Resolved, ResolvedPoint
from winnow.plan.sources import pretrained
from winnow.plan.succession import is_known, presumed
from winnow.plan.transfers import resolve_transfer


class Known(NamedTuple):
    """What there is to look up: data sets by name, the units behind a model by its id, and where `auto` runs."""

    dataset: Callable[[str], DatasetFacts]
    model: Callable[[str], Sequence[Unit]]
    auto: Literal["cpu", "gpu"]


MOST_STAGES = 8
"""Jobs one before the other, in one that is sent."""


def resolve_sent(sent: Any, read: Callable[[Any], Spec], known: Known, stage: int = 1) -> Resolved:
    """Settle a job as it was sent, and first the job whose model it begins with, if it names one.

    Where that one says `auto`, it runs where this one does. `read` makes a spec of what was sent. Raises InvalidSpec,
    and what the look-ups raise.
    """
    spec = read(sent)
    resource = known.auto if spec.resource == "auto" else spec.resource
    if spec.sweep is not None:
        if stage > 1:
            raise InvalidSpec("A sweep makes many models, and a job begins with one: leave out its sweep.")
        points = _points(sent, spec, read, known)
        _check_points(points)
        return _not_too_many(Resolved(spec=spec, resource=resource, points=points))
    facts = known.dataset(spec.dataset.name) if spec.dataset else None
    if spec.model.job is not None:
        before = _before(spec.model.job, read, known._replace(auto=resource), stage + 1)
        if isinstance(spec, TransferSpec) and "own_ticket" in (spec.arms or ()) and not is_known(before):
            raise InvalidSpec(
                "An own_ticket goes down the levels that the model's job went, and there results decide which they "
                "are: give that job a sparsity at one rate and a rewind point, or leave own_ticket out."
            )
        return resolve(spec, facts, resource, presumed(before)).model_copy(update={"before": before})
    return resolve(spec, facts, resource, _source(spec.model, known))


def _source(choice: ModelChoice, known: Known) -> Sequence[Unit]:
    """The unit that makes the model that is named, then those it stands on; none for a fresh network."""
    name = choice.name or ""
    if choice.weights == "pretrained":
        return (pretrained(name),)
    return known.model(name) if is_model_id(name) else ()


def _points(sent: Any, spec: Spec, read: Callable[[Any], Spec], known: Known) -> tuple[ResolvedPoint, ...]:
    looked_up = known._replace(dataset=cache(known.dataset), model=cache(known.model))
    try:
        found = list(points_of(sent, spec.model_dump(mode="json")))
    except ValueError as error:
        raise InvalidSpec(str(error)) from error
    return tuple(ResolvedPoint(at=at, job=_point(at, one, read, looked_up)) for at, one in found)


def _check_points(points: Sequence[ResolvedPoint]) -> None:
    """Two ways to write one job are one point."""
    there = dict[str, ResolvedPoint]()
    for point in points:
        other = there.setdefault(point.job.model_dump_json(), point)
        if other is not point:
            raise InvalidSpec(f"At {_where(point.at)}: this is the same job as at {_where(other.at)}. Name it once.")


def _not_too_many(job: Resolved) -> Resolved:
    if is_more_than(job, MAX_UNITS):
        raise InvalidSpec(
            f"The {len(job.points)} points are more than {MAX_UNITS} units of work together, and a job has no more. "
            "Ask for fewer points, replicates, levels or arms, or send them as several jobs."
        )
    return job


def _where(at: At) -> str:
    return ", ".join(f"{path} = {canonical_json(value).decode()}" for path, value in at.items())


def _point(at: At, sent: Any, read: Callable[[Any], Spec], known: Known) -> Resolved:
    try:
        return resolve_sent(sent, read, known)
    except InvalidSpec as error:
        raise InvalidSpec(f"At {_where(at)}: {error.detail}", error.errors) from error


def _before(sent: Any, read: Callable[[Any], Spec], known: Known, stage: int) -> Resolved:
    if stage > MOST_STAGES:
        raise InvalidSpec(f"A job begins with a job's model {MOST_STAGES - 1} times at most, one before the other.")
    try:
        return resolve_sent(sent, read, known, stage)
    except InvalidSpec as error:
        inside = tuple(
            one.model_copy(update={"loc": (*one.loc[:1], "model", "job", *one.loc[1:])}) for one in error.errors
        )
        raise InvalidSpec(f"In model.job: {error.detail}", inside) from error


def resolve(
    spec: Spec, facts: DatasetFacts | None, resource: Literal["cpu", "gpu"], source: Sequence[Unit] = ()
) -> Resolved:
    """Settle every choice of a spec on this data set and resource. Raises InvalidSpec for what cannot be met.

    `source`: where the spec names a model, the unit that makes it, then those it stands on.
    """
    if isinstance(spec, EvaluateSpec):
        if not source:
            raise InvalidSpec(
                f"{spec.model.name!r} is no model: an evaluation wants one, `mdl_…`, or pretrained weights."
            )
        return resolve_evaluation(spec, facts, resource, source)
    assert facts is not None  # noqa: S101 - the caller's mistake: these specs name a data set
    if isinstance(spec, TransferSpec):
        if not source:
            raise InvalidSpec(f"{spec.model.name!r} is no model: a transfer wants one, `mdl_…`, or pretrained weights.")
        return resolve_transfer(spec, facts, resource, source)
    return resolve_training(spec, facts, resource, source)

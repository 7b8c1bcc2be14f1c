"""The job kind `evaluate`: a model, as it is, on the test images of a data set."""

from collections.abc import Mapping, Sequence
from typing import Literal

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.datasets import DatasetFacts
from winnow.contract.inputs import EvaluateInputs
from winnow.contract.problems import InvalidSpec
from winnow.contract.results import UnitResult
from winnow.contract.rows import LevelRow
from winnow.contract.specs.jobs import EvaluateSpec
from winnow.contract.units import Unit
from winnow.plan.checks import check_image
from winnow.plan.dataset_choice import settled_choice
from winnow.plan.level_rows import level_row, model_row
from winnow.plan.place import Place
from winnow.plan.resolved import Resolved
from winnow.plan.sources import adapted_to
from winnow.plan.verdict import summary


def resolve_evaluation(
    spec: EvaluateSpec, facts: DatasetFacts | None, resource: Literal["cpu", "gpu"], source: Sequence[Unit]
) -> Resolved:
    """Adapt the images to the model, and match its classes by name. Raises InvalidSpec for what cannot be met."""
    if spec.model.dropout:
        raise InvalidSpec("An evaluation trains nothing: leave `dropout` out.")
    model = source[0]
    settled = spec.model_copy(update={"resource": resource})
    if spec.dataset is None or facts is None:
        return Resolved(spec=settled, resource=resource, source=tuple(source[:1]))
    if spec.dataset.fraction != 1:
        raise InvalidSpec("A fraction is of the training images; an evaluation looks at test images. Leave it out.")
    adapted = adapted_to(model, spec.dataset, facts)
    check_image(ARCHITECTURES[model.network.architecture], adapted)
    _labels(model, adapted)
    settled = settled.model_copy(update={"dataset": settled_choice(adapted)})
    return Resolved(spec=settled, dataset=adapted, resource=resource, source=tuple(source[:1]))


def evaluation(job: Resolved, spec: EvaluateSpec) -> tuple[Place, ...]:
    """The model, then its evaluation, if there is a data set."""
    model = job.source[0]
    found = Place(0, "source", 0, model)
    if job.dataset is None:
        return (found,)
    facts = job.facts
    inputs = EvaluateInputs(
        model=model.key,
        architecture=model.network.architecture,
        classes=len(model.classes),
        fingerprint=facts.fingerprint,
        channels=facts.channels,
        size=facts.size,
        subset=facts.subset,
        labels=_labels(model, facts),
        threads=spec.threads,
        resource=job.resource,
    )
    measured = Unit(inputs=inputs, dataset=facts, cost=max(1, facts.sizes().test // 3))  # a pass forward, none back
    return found, Place(0, "evaluated", 0, measured)


def measured(job: Resolved, results: Mapping[str, UnitResult]) -> tuple[LevelRow, ...]:
    """One row, for the model and what it scores; none until the model is there."""
    assert isinstance(job.spec, EvaluateSpec)  # noqa: S101 - the caller's mistake
    source, *evaluated = evaluation(job, job.spec)
    model = results.get(source.unit.key)
    if model is None:
        return ()
    found = [results[place.unit.key].metrics.test for place in evaluated if place.unit.key in results]
    scores = [score.accuracy for score in found if score is not None]
    network = model_row(source, found[0] if found else None)
    arms = {"evaluated": summary(scores)} if evaluated else {}
    return (level_row(source, model, arms, None, (network,)),)


def _labels(model: Unit, facts: DatasetFacts) -> tuple[int, ...]:
    """What the model calls each class of the data set, by index."""
    index_of = {name: index for index, name in enumerate(model.classes)}
    unknown = [name for name in facts.classes if name not in index_of]
    if unknown:
        known = [name for name in facts.classes if name in index_of]
        advice = "Name in `classes` those that it knows" if len(known) > 1 else "Give another data set"
        raise InvalidSpec(
            f"The model has no class {unknown[0]!r}"
            + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else "")
            + f" of {facts.name!r}: classes are matched by name. {advice}, or ask for a transfer."
        )
    return tuple(index_of[name] for name in facts.classes)

"""Resolving a spec, by its kind."""

from collections.abc import Sequence
from typing import Literal

from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import EvaluateSpec, Spec
from winnow.contract.specs.transfer import TransferSpec
from winnow.contract.units import Unit
from winnow.plan.evaluations import resolve_evaluation
from winnow.plan.resolve import Resolved, resolve_training
from winnow.plan.transfers import resolve_transfer


def resolve(
    spec: Spec, facts: DatasetFacts | None, resource: Literal["cpu", "gpu"], source: Sequence[Unit] = ()
) -> Resolved:
    """Settle every choice of a spec on this data set and resource. Raises InvalidSpec for what cannot be met.

    `source`: where the spec names a model, the unit that makes it, then those it stands on.
    """
    if isinstance(spec, EvaluateSpec):
        if not source:
            raise InvalidSpec(f"{spec.model.name!r} is no model: an evaluation wants one that is there, `mdl_…`.")
        return resolve_evaluation(spec, facts, resource, source)
    assert facts is not None  # noqa: S101 - the caller's mistake: these specs name a data set
    if isinstance(spec, TransferSpec):
        if not source:
            raise InvalidSpec(f"{spec.model.name!r} is no model: a transfer wants one that is there, `mdl_…`.")
        return resolve_transfer(spec, facts, resource, source)
    return resolve_training(spec, facts, resource, source)

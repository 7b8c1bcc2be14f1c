"""A plan's questions answered with made-up results until it has finished."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.fabricated import DIGITS_LIKE, fabricated
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.plan import Finished, Outcome, Pending, Resolved, plan, resolve

Results = dict[str, UnitResult]
Answer = Callable[[Unit, Mapping[str, UnitResult]], UnitResult]


def job(**fields: Any) -> Resolved:
    """A prune job that never trains."""
    sent = {"kind": "prune", "dataset": "digits", "model": "lenet_300_100", "target": {"sparsity": "0.9"}}
    return resolve(SPEC.validate_python(sent | fields), DIGITS_LIKE, "cpu")


def at_rate(rate: Any) -> dict[str, Any]:
    """A method: this share of what is left, level by level."""
    return {"schedule": {"name": "iterative", "rate": rate}}


@dataclass(frozen=True)
class Worked:
    """A job worked off: what it found, all results, the units in the order they were done, each answer of the plan."""

    outcome: Outcome
    results: Results
    order: list[Unit]
    answers: list[Pending | Finished]

    @property
    def levels(self) -> list[int]:
        return [row.level for row in self.outcome.levels]


def work(
    asked: Resolved,
    result: Answer = fabricated,
    known: Mapping[str, UnitResult] | None = None,
    choose: Callable[[list[Unit]], list[Unit]] = lambda ready: ready,
) -> Worked:
    """Do what is asked for until nothing is, each answer held to its rules; `choose` picks what is done of it."""
    results, order, answers = dict(known or {}), list[Unit](), list[Pending | Finished]()
    for _ in range(10_000):
        answers.append(answer := plan(asked, results))
        if isinstance(answer, Finished):
            return Worked(answer.outcome, results, order, answers)
        keys = [unit.key for unit in answer.units]
        assert keys, "an unfinished plan asks for something"
        assert len(set(keys)) == len(keys), "never twice in one answer"
        assert not set(keys) & set(results), "never for one that has a result"
        for unit in choose(list(answer.units)):
            assert all(key in results for key in unit.parents.values()), "never before what it stands on"
            results[unit.key] = result(unit, results)
            order.append(unit)
    raise AssertionError("the plan does not end")


def scored(test: Callable[[Unit], int]) -> Answer:
    """Results where so many of 360 test images are right."""
    return lambda unit, results: fabricated(unit, results, test=test(unit))


def some_of(random: Random) -> Callable[[list[Unit]], list[Unit]]:
    """What is done of each answer: some of it, in any order."""
    return lambda ready: random.sample(ready, k=random.randint(1, len(ready)))


def one_at_a_time(ready: list[Unit]) -> list[Unit]:
    return ready[:1]

"""Learning rates by absolute step, exact decimals until the last moment: the same floats on every machine.

A C library's cosine may differ in its last bit from another's, and one bit makes other weights. So π, the series of the
cosine and all products are decimals; only the rate that comes out is rounded, once, to a float.
"""

from collections.abc import Container
from decimal import Decimal

from winnow.contract.recipes import Recipe
from winnow.contract.specs.training import Cosine

PI = Decimal("3.141592653589793238462643383280")


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of the step after `step`: it follows from the absolute step alone (trap 7).

    Warm-up is linear (Goyal et al. 2017, arXiv:1706.02677, section 2.2) and multiplies what the schedule gives.
    """
    rate = recipe.optimizer.lr * _share(recipe, step)
    return float(rate * (step + 1) / recipe.warmup if step < recipe.warmup else rate)


def rate_changes(recipe: Recipe) -> tuple[Container[int], ...]:
    """The steps before which the rate becomes another: with a cosine every one, elsewhere few."""
    if isinstance(recipe.lr_schedule, Cosine):
        return (range(recipe.steps),)
    warming = (range(recipe.warmup + 1),) if recipe.warmup else ()
    return (*warming, frozenset(recipe.lr_schedule.steps))


def _share(recipe: Recipe, step: int) -> Decimal:
    """The part of the full rate that the schedule leaves at a step."""
    schedule = recipe.lr_schedule
    if isinstance(schedule, Cosine):  # (1 + cos πt/T) ÷ 2 without what its difference would lose near the end
        return _cosine(PI * step / (2 * recipe.steps)) ** 2
    passed = sum(milestone <= step for milestone in schedule.steps)
    return schedule.factor**passed if passed and schedule.factor is not None else Decimal(1)


def _cosine(angle: Decimal) -> Decimal:
    """The cosine of 0 to π ÷ 2, by its Taylor series to the last of the context's 28 digits."""
    total = term = Decimal(1)
    square, number, before = angle * angle, 0, Decimal(0)
    while total != before:
        number += 2
        term *= -square / (number * (number - 1))
        before, total = total, total + term
    return total

"""Exact counting: rounding half up, and spreading a total over quotas without losing one."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction


def round_half_up(value: Fraction) -> int:
    """The nearest whole number; halves go up (0.5 → 1)."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def zeros_for(sparsity: Decimal | Fraction, prunable: int) -> int:
    """How many of `prunable` weights a sparsity masks."""
    return round_half_up(Fraction(sparsity) * prunable)


def spread(total: int, quotas: Sequence[Fraction], caps: Sequence[int]) -> tuple[int, ...]:
    """`total` shared out in proportion to `quotas` by largest remainder, none above its cap; ties go to the first.

    Raises ValueError where the caps cannot hold the total.
    """
    if total < 0 or total > sum(caps):
        raise ValueError(f"cannot spread {total} over room for {sum(caps)}")
    shares = [0] * len(caps)
    open_places = [i for i, cap in enumerate(caps) if cap > 0]
    while open_places:
        left = total - sum(shares)
        ideal = _in_proportion(left, {i: Fraction(quotas[i]) for i in open_places})
        full = [i for i in open_places if ideal[i] >= caps[i]]
        if not full:
            by_remainder = sorted(open_places, key=lambda i: (int(ideal[i]) - ideal[i], i))
            extra = set(by_remainder[: left - sum(int(ideal[i]) for i in open_places)])
            for i in open_places:
                shares[i] = int(ideal[i]) + (i in extra)
            break
        for i in full:
            shares[i] = caps[i]
        open_places = [i for i in open_places if i not in full]
    return tuple(shares)


def _in_proportion(total: int, quotas: dict[int, Fraction]) -> dict[int, Fraction]:
    whole = sum(quotas.values(), Fraction(0))
    return {i: total * quota / whole if whole else Fraction(total, len(quotas)) for i, quota in quotas.items()}

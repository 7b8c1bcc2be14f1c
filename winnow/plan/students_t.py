"""Student's t: its quantiles for whole degrees of freedom, without a statistics library in the API process."""

from functools import cache
from math import atan, cos, pi, sin, sqrt


@cache  # a job without a verdict asks for a hundred of them, each time the same
def t_quantile(probability: float, freedom: int) -> float:
    """The t with P(T ≤ t) = probability ≥ ½, by bisection of the closed form (Abramowitz & Stegun 26.7.3-4)."""
    low, high = 0.0, 1.0
    while _below(high, freedom) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _below(t: float, freedom: int) -> float:
    """P(T ≤ t) for t ≥ 0."""
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2 == 1
    term, total = (cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cos(angle) ** 2 * k / (k + 1)
    inside = 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
    return (1 + inside) / 2

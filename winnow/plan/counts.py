"""How many weights each level masks: the grid of a rate, the cut that lands on a target, quotas by layer."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from winnow.contract.counts import round_half_up, spread, zeros_for
from winnow.contract.inputs import LevelInputs
from winnow.contract.results import TensorCount
from winnow.contract.specs.granularity import SemiStructured
from winnow.contract.specs.pruning import Scope

Rates = Decimal | Mapping[str, Decimal]


class Counts(NamedTuple):
    """Zeros that a level leaves: in all, and in each tensor where layers have quotas (None: one ranking for all)."""

    total: int
    by_tensor: tuple[int, ...] | None


class Step(NamedTuple):
    """One level of the way down; `cut` is the sparsity of a last level that is off the grid of the rate."""

    depth: int
    cut: Decimal | None


def grid_sparsity(rate: Decimal, depth: int) -> Fraction:
    """Share masked after `depth` levels of one rate: 1 − (1 − rate)^depth, exactly."""
    return 1 - (1 - Fraction(rate)) ** depth


def rate_for_levels(target: Decimal, levels: int) -> Decimal:
    """The rate whose grid reaches `target` in exactly `levels` levels: 12 digits, rounded up so as not to miss it."""
    if levels == 1:
        return target
    wide = Context(prec=60)
    root = wide.power(1 - target, wide.divide(Decimal(1), Decimal(levels)))
    # Rounded to the nearest first: an exact root must not be pushed up by the last digit of the power.
    rate = wide.subtract(Decimal(1), root).quantize(Decimal(10) ** -30, ROUND_HALF_EVEN, wide)
    return rate.quantize(Decimal(10) ** -12, ROUND_CEILING, wide)


def steps_at_rate(rate: Decimal, target: Decimal) -> tuple[Step, ...]:
    """The levels of one rate down to `target`; the last one is cut where the target is off the grid."""
    steps, depth, wanted = [], 1, Fraction(target)
    while grid_sparsity(rate, depth) < wanted:
        steps.append(Step(depth, None))
        depth += 1
    on_grid = grid_sparsity(rate, depth) == wanted
    return (*steps, Step(depth, None if on_grid else target))


def steps_by_layer(sizes: Sequence[TensorCount], rates: Mapping[str, Decimal], target: Decimal) -> tuple[Step, ...]:
    """The levels of rates that differ by layer: each level's counts follow from the one before."""
    tensors = [tensor.model_copy(update={"zeros": 0}) for tensor in sizes]
    wanted, steps, depth = zeros_for(target, sum(t.size for t in tensors)), [], 1
    while (counts := level_counts(tensors, rates, depth, None, Scope(name="layer"))).total < wanted:
        steps.append(Step(depth, None))
        zeros = counts.by_tensor or ()
        tensors = [t.model_copy(update={"zeros": z}) for t, z in zip(tensors, zeros, strict=True)]
        depth += 1
    return (*steps, Step(depth, None if counts.total == wanted else target))


def asked_counts(inputs: LevelInputs, parent: Sequence[TensorCount]) -> Counts:
    """Zeros that a level has to leave, whatever is pruned at once."""
    if isinstance(inputs.granularity, SemiStructured):
        return _grouped_counts(parent, inputs.granularity)
    assert inputs.rates is not None  # noqa: S101 - groups alone need no rate
    return level_counts(parent, inputs.rates, inputs.depth, inputs.cut, inputs.scope)


def _grouped_counts(parent: Sequence[TensorCount], groups: SemiStructured) -> Counts:
    """The same share of each tensor whose inputs are whole groups, and nothing of the others."""
    whole = [tensor.shape[1] % groups.of == 0 for tensor in parent]
    zeros = tuple(
        tensor.size // groups.of * (groups.of - groups.keep) if fits else 0
        for tensor, fits in zip(parent, whole, strict=True)
    )
    return Counts(sum(zeros), zeros)


def level_counts(
    parent: Sequence[TensorCount], rates: Rates, depth: int, cut: Decimal | Fraction | None, scope: Scope
) -> Counts:
    """Zeros after pruning `parent` once more.

    One rate: the total follows from the depth alone, so a job's target never moves a full-rate level. Rates by layer:
    the total is what the layers' own rates give. A cut lands on its sparsity and scales all rates alike. Where layers
    have quotas, only the newly pruned weights are spread. Densities by layer: each goes its own way down to its own,
    which says more than a total could. Erdős–Rényi-kernel: what a layer keeps goes by the sum of its
    dimensions (Evci et al. 2020, arXiv:1911.11134, section 3), and never above what it has.
    """
    if scope.densities is not None:
        zeros = tuple(_towards(tensor, scope.densities[tensor.name], rates, depth) for tensor in parent)
        return Counts(sum(zeros), zeros)
    survivors = [tensor.size - tensor.zeros for tensor in parent]
    quotas = [rate_of(tensor, rates) * left for tensor, left in zip(parent, survivors, strict=True)]
    masked = sum(tensor.zeros for tensor in parent)
    prunable = sum(tensor.size for tensor in parent)
    if cut is not None:
        total = max(masked, zeros_for(cut, prunable))  # a brought mask may be sparser than the target: it stays
    elif isinstance(rates, Decimal):
        total = max(masked, zeros_for(grid_sparsity(rates, depth), prunable))
    else:
        # Never less than one: a level that prunes nothing would be followed by itself for ever.
        total = masked + min(max(1, round_half_up(sum(quotas, Fraction(0)))), sum(survivors))
    if scope.name == "global":
        return Counts(total, None)
    if scope.name == "erk":
        kept = spread(prunable - total, [Fraction(sum(tensor.shape)) for tensor in parent], survivors)
        return Counts(total, tuple(tensor.size - left for tensor, left in zip(parent, kept, strict=True)))
    new = spread(total - masked, quotas, survivors)
    return Counts(total, tuple(tensor.zeros + more for tensor, more in zip(parent, new, strict=True)))


def _towards(tensor: TensorCount, density: Decimal, rates: Rates, depth: int) -> int:
    """Zeros of one layer: its survivors fall exponentially by its own rate, never below its density: that is exact."""
    rate = rate_of(tensor, rates)
    return zeros_for(min(1 - (1 - rate) ** depth, Fraction(1 - density)), tensor.size)


def in_rounds(asked: Counts, tensors: Sequence[tuple[int, int]], rounds: int) -> Iterator[Counts]:
    """From the size and the survivors of each tensor to `asked` in so many rounds, the survivors falling exponentially.

    Tanaka et al. 2020, arXiv:2006.05467, section 7. The last round is what was asked for, exactly.
    """
    size, left = sum(size for size, _ in tensors), sum(left for _, left in tensors)
    for number in range(1, rounds):
        total = size - _between(left, size - asked.total, number, rounds)
        by_tensor = asked.by_tensor and tuple(
            size - _between(left, size - zeros, number, rounds)
            for (size, left), zeros in zip(tensors, asked.by_tensor, strict=True)
        )
        yield Counts(sum(by_tensor) if by_tensor else total, by_tensor)
    yield asked


def _between(first: int, last: int, number: int, of: int) -> int:
    """Where an exponential decay from `first` to `last` is after `number` of its steps, rounded."""
    if last == 0:
        return 0
    wide = Context(prec=40)
    share = wide.power(Decimal(last) / Decimal(first), wide.divide(Decimal(number), Decimal(of)))
    return int(wide.multiply(share, Decimal(first)).to_integral_value(ROUND_HALF_EVEN))


def rate_of(tensor: TensorCount, rates: Rates) -> Fraction:
    """The rate of one tensor: its own by name, else that of its kind."""
    if isinstance(rates, Decimal):
        return Fraction(rates)
    return Fraction(rates[tensor.name] if tensor.name in rates else rates[tensor.kind])

"""Whether a network has the pieces that a job wants to prune."""

from winnow.contract.catalog.tensors import tensors
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.granularity import SemiStructured
from winnow.contract.specs.pruning import Method


def check_groups(method: Method, architecture: str, layers: tuple[str, ...], facts: DatasetFacts) -> None:
    """Raise InvalidSpec where N:M is asked for and none of the layers that may be pruned has whole groups."""
    groups = method.granularity
    if not isinstance(groups, SemiStructured):
        return
    shapes = tensors(architecture, len(facts.classes), facts.channels, facts.size)
    if all(shapes[name][1] % groups.of for name in layers if name not in method.scope.exclude):
        raise InvalidSpec(
            f"No layer of {architecture} that may be pruned has a multiple of {groups.of} inputs: nothing can be "
            f"pruned to {groups.keep}:{groups.of}. Take smaller groups, or a wider network."
        )

"""Networks that are larger than their files can be, told before they are trained."""

from math import prod

from winnow.artifact.ticket import MAX_VALUES
from winnow.contract.catalog.tensors import table_of, tensors
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import NetworkShape


def check_values(network: NetworkShape) -> None:
    """Refuse a network of more values than a ticket holds. Raises InvalidSpec."""
    if not table_of(network.architecture).exists():
        return  # an architecture that is not in the tables has its counts once it is built
    values = sum(prod(shape) for shape in tensors(*network).values())
    if values > MAX_VALUES:
        height, width = network.size
        raise InvalidSpec(
            f"{network.architecture} for {network.classes} classes and images of {height}×{width} has {values:,} "
            f"values, and no ticket holds more than {MAX_VALUES:,}. Ask for smaller images, or another architecture."
        )

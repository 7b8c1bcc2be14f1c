"""What a weight costs: counted on the shapes of one forward pass, without computing it."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from winnow.contract.recipes import NetworkShape
from winnow.lottery.architectures import build


def multiplications(shape: NetworkShape, names: Iterable[str]) -> dict[str, int]:
    """How many multiplications one weight of each of these tensors causes in one forward pass of one image."""
    network = build(*shape).to("meta").eval()
    found = dict.fromkeys(names, 0)
    for name in found:
        network.get_submodule(name.removesuffix(".weight")).register_forward_hook(_Counting(found, name))
    with torch.inference_mode():
        network(torch.zeros(1, shape.channels, *shape.size, device="meta"))
    return found


class _Counting:
    """A forward hook: each output position multiplies each weight once."""

    def __init__(self, found: dict[str, int], name: str) -> None:
        self.found = found
        self.name = name

    def __call__(self, layer: nn.Module, _inputs: object, output: Tensor) -> None:
        # A convolution's outputs are N×C×H×W, those of a linear layer N×C, or N×H×W×C where it works on each pixel.
        self.found[self.name] += (output[0, ..., 0] if isinstance(layer, nn.Linear) else output[0, 0]).numel()

"""The physically smaller network: what is left when dead channels are cut out of a network's layers.

Written from the masks alone, beside the library: it knows nothing of which layers are coupled.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from winnow.lottery.architectures.cifar_resnet import Shortcut

Masks = Mapping[str, np.ndarray]


def cut_out(network: nn.Module, masks: Masks, norms: Mapping[str, str]) -> nn.Module:
    """The network, each layer as narrow as its mask; `norms`: which layer each normalisation stands behind."""
    for name, mask in masks.items():
        _cut(network.get_submodule(name.removesuffix(".weight")), mask)
    for norm, behind in norms.items():
        _cut_norm(cast(nn.BatchNorm2d, network.get_submodule(norm)), _alive(masks[f"{behind}.weight"])[0])
    for name, module in list(network.named_modules()):
        if isinstance(module, Shortcut):
            block = name.removesuffix(".shortcut")
            inputs, outputs = (_alive(masks[f"{block}.conv{number}.weight"]) for number in (1, 2))
            network.set_submodule(name, _Narrow(module, inputs[1], masks[f"{block}.conv1.weight"].shape[1], outputs[0]))
    return network


def masked(network: nn.Module, masks: Masks) -> nn.Module:
    """The network with what is masked at zero."""
    with torch.no_grad():
        for name, mask in masks.items():
            network.get_parameter(name).mul_(torch.from_numpy(mask))
    return network


class _Narrow(nn.Module):
    """A shortcut that pads, between fewer channels."""

    def __init__(self, shortcut: nn.Module, come: Tensor, width: int, go: Tensor) -> None:
        super().__init__()
        self.shortcut, self.come, self.width, self.go = shortcut, come, width, go

    def forward(self, images: Tensor) -> Tensor:
        """Back to full width, through the shortcut, and to what is left of that."""
        whole = torch.zeros(len(images), self.width, *images.shape[2:])
        whole[:, self.come] = images
        return cast(Tensor, self.shortcut(whole)[:, self.go])


def _alive(mask: np.ndarray) -> tuple[Tensor, Tensor]:
    """The outputs and the inputs that are not masked whole."""
    flat = mask.reshape(*mask.shape[:2], -1)
    return torch.from_numpy(np.flatnonzero(flat.any((1, 2)))), torch.from_numpy(np.flatnonzero(flat.any((0, 2))))


def _cut(layer: nn.Module, mask: np.ndarray) -> None:
    outputs, inputs = _alive(mask)
    weight, bias = layer.get_parameter("weight"), layer.bias
    layer.weight = nn.Parameter(weight.detach()[outputs][:, inputs].clone())
    if isinstance(bias, Tensor):
        layer.bias = nn.Parameter(bias.detach()[outputs].clone())
    if isinstance(layer, nn.Conv2d) and layer.groups == weight.shape[0]:
        layer.groups = len(outputs)


def _cut_norm(norm: nn.BatchNorm2d, left: Tensor) -> None:
    norm.weight, norm.bias = (nn.Parameter(values.detach()[left].clone()) for values in (norm.weight, norm.bias))
    for name, buffer in list(norm.named_buffers()):
        if buffer.ndim:
            norm.register_buffer(name, buffer[left].clone())
    norm.num_features = len(left)

"""GraSP: Wang et al. 2020, "Picking winning tickets before training by preserving gradient flow", arXiv:2002.07376."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu6

from winnow.lottery.scoring import Subject, as_scores, gradients, parameters
from winnow.lottery.selection import Scores

TEMPERATURE = 200.0


def grasp(subject: Subject) -> Scores:
    """W · (H g), signed: what the gradient's norm loses with the weight. 10 training images a class, logits ÷ 200.

    Images may come in several batches: g is summed over all of them first, and so is H g. What is masked already does
    not train: it is no part of g.
    """
    network = _differentiable_twice(subject.network(training=True))
    batches = [(images.clone(), labels) for images, labels in subject.images_a_class()]
    g = _zeros(network)
    for images, labels in batches:
        for name, gradient in gradients(network, _loss(network, images, labels)).items():
            g[name] += gradient
    for name, mask in subject.masks.items():
        g[name] *= torch.from_numpy(mask).to(g[name].device)
    products = _zeros(network)
    for images, labels in batches:
        own = gradients(network, _loss(network, images, labels), graph=True)
        along = torch.stack([(own[name] * g[name]).sum() for name in g]).sum()
        for name, product in gradients(network, along).items():
            products[name] += product
    return as_scores({name: weight * products[name] for name, weight in parameters(network).items()})


class _Hardsigmoid(nn.Module):
    """The same function; torch's own has no second derivative."""

    def forward(self, x: Tensor) -> Tensor:
        return relu6(x + 3) / 6


def _differentiable_twice(network: nn.Module) -> nn.Module:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Hardsigmoid):
            network.set_submodule(name, _Hardsigmoid())
    return network


def _loss(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(network(images) / TEMPERATURE, labels, reduction="sum")


def _zeros(network: nn.Module) -> dict[str, Tensor]:
    return {name: torch.zeros_like(weight) for name, weight in parameters(network).items()}

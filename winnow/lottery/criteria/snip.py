"""SNIP: Lee et al. 2019, "SNIP: single-shot network pruning based on connection sensitivity", arXiv:1810.02340."""

import torch
from torch.nn.functional import cross_entropy

from winnow.lottery.scoring import Subject, as_scores, gradients, parameters
from winnow.lottery.selection import Scores


def snip(subject: Subject) -> Scores:
    """|w · g|, g summed over 10 training images a class before the absolute value is taken (trap 25)."""
    network = subject.network(training=True)
    weights = parameters(network)
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for images, labels in subject.images_a_class():
        loss = cross_entropy(network(images), labels, reduction="sum")
        for name, gradient in gradients(network, loss).items():
            total[name] += gradient
    return as_scores({name: (weights[name] * total[name]).abs() for name in weights})

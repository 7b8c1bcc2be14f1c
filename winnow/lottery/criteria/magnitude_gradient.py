"""Magnitude × gradient: Blalock et al. 2020, "What is the state of neural network pruning?", arXiv:2003.03033."""

import torch
from torch.nn.functional import cross_entropy

from winnow.lottery.scoring import Subject, as_scores, gradients, parameters
from winnow.lottery.selection import Scores


def magnitude_gradient(subject: Subject) -> Scores:
    """|w| times the mean over 10 batches of training images of |g|."""
    network = subject.network()
    weights = parameters(network)
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    count = 0
    for images, labels in subject.batches():
        count += 1
        for name, gradient in gradients(network, cross_entropy(network(images), labels)).items():
            total[name] += gradient.abs()
    return as_scores({name: weights[name].abs() * sums / count for name, sums in total.items()})

"""Taylor, first order, squared: Molchanov et al. 2019, "Importance estimation for neural network pruning".

arXiv:1906.10771
"""

import torch
from torch.nn.functional import cross_entropy

from winnow.lottery.scoring import Subject, as_scores, gradients, parameters
from winnow.lottery.selection import Scores


def taylor(subject: Subject) -> Scores:
    """The mean over 10 batches of training images of (g · w)²: how much the loss would change without the weight."""
    network = subject.network()
    weights = parameters(network)
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    count = 0
    for images, labels in subject.batches():
        count += 1
        for name, gradient in gradients(network, cross_entropy(network(images), labels)).items():
            total[name] += (gradient * weights[name].detach()) ** 2
    return as_scores({name: squares / count for name, squares in total.items()})

"""SynFlow: Tanaka et al. 2020, "Pruning neural networks without any data by iteratively conserving synaptic flow".

arXiv:2006.05467
"""

import torch

from winnow.lottery.scoring import Subject, as_scores, gradients, parameters
from winnow.lottery.selection import Scores


def synflow(subject: Subject) -> Scores:
    """W · ∂R/∂w, where R is the sum of what the network with |parameters| makes of an image of ones.

    In float64, as R overflows float32 in deep networks; batch norm in evaluation mode (trap 25). Needs no data.
    """
    recipe = subject.recipe
    network = subject.network(torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ones = torch.ones(1, recipe.channels, *recipe.size, dtype=torch.float64, device=subject.split.train.device)
    flow = gradients(network, network(ones).sum())
    return as_scores({name: weight * flow[name] for name, weight in parameters(network).items()})

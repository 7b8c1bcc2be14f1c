"""The gradients of one step where several processes share its batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from winnow.lottery.distributed.ranks import Ranks

if TYPE_CHECKING:
    from winnow.lottery.training import Training


def shared_gradients(training: "Training", ranks: Ranks) -> Tensor:
    """Leave the gradients of the mean loss over the whole batch in every process; returns that loss.

    Each takes the sum over its images divided by the images of the batch, so that shares may differ in size; one
    without an image, at the end of an epoch, adds nothing. Each normalises with the statistics of its own images, and
    the running ones of the first process are everybody's.
    """
    share = ranks.share(training.batches.size(training.step))
    loss: Tensor = training.optimizer.parameters[0].new_zeros(())
    training.optimizer.zero_grad()
    if share.stop > share.start:
        images, labels = training.batches.at(training.step)
        training.dropout.draw_for(training.step, share)
        summed = cross_entropy(training.logits(images), labels, label_smoothing=training.smoothing, reduction="sum")
        loss = summed / share.whole
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    loss = loss.detach()
    ranks.add_up([*_gradients(training.optimizer.parameters), loss])
    ranks.follow_first(list(training.taught.buffers()))
    return loss


def _gradients(parameters: Sequence[torch.nn.Parameter]) -> list[Tensor]:
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad for parameter in parameters if parameter.grad is not None]

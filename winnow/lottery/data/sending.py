"""From main memory to a device, in the middle of a step."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """A copy on the device, or the values themselves where they are there.

    Behind what is under way on a GPU, without waiting for it: from memory that may be swapped out a copy would wait.
    """
    if device.type == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)

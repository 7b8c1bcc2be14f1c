"""Everything the next step depends on, as arrays of its own: what rewinding goes back to."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from winnow.artifact.weights import read_tensors, write_weights
from winnow.lottery.optimizers import Optimizer

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class State:
    """Parameters and buffers by name, and the optimizer's state by `PARAMETER/KEY`, after `step` steps.

    The arrays are copies: no later training can reach them (trap 5).
    """

    step: int
    network: Arrays
    optimizer: Arrays

    def write(self, path: Path) -> None:
        """As safetensors: `network/NAME`, `optimizer/PARAMETER/KEY`."""
        write_weights(
            path, prefixed("network", self.network) | prefixed("optimizer", self.optimizer), {"step": str(self.step)}
        )


def read_state(path: Path) -> State:
    """A state file; InvalidFile where it is not sound."""
    tensors, metadata = read_tensors(path)
    return State(int(metadata["step"]), under("network", tensors), under("optimizer", tensors))


def digest(arrays: Arrays) -> str:
    """SHA-256 over names, types, shapes and values."""
    total = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        total.update(f"{name} {array.dtype} {array.shape}\n".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def prefixed(prefix: str, arrays: Arrays) -> dict[str, Array]:
    """The arrays under `PREFIX/NAME`."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def under(prefix: str, arrays: Arrays) -> dict[str, Array]:
    """The arrays that `prefixed` was given."""
    start = f"{prefix}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def network_arrays(network: nn.Module) -> dict[str, Array]:
    """Copies of all parameters and buffers, in C order."""
    return {name: _copied(tensor) for name, tensor in network.state_dict().items()}


def load_network(network: nn.Module, arrays: Arrays) -> None:
    """Set all parameters and buffers in place, so that optimizer and masks go on seeing them (trap 22)."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            tensor.copy_(torch.from_numpy(arrays[name]))


def optimizer_arrays(optimizer: Optimizer) -> dict[str, Array]:
    """Copies of the optimizer's state; nothing before the first step."""
    return {
        f"{name}/{key}": _copied(tensor) for name, entries in optimizer.state.items() for key, tensor in entries.items()
    }


def load_optimizer(optimizer: Optimizer, arrays: Arrays) -> None:
    """Set the optimizer's state to exactly this: what it had before is forgotten."""
    by_parameter = zip(optimizer.names, optimizer.parameters, strict=True)
    entries = {name: (parameter, under(name, arrays)) for name, parameter in by_parameter if arrays}
    optimizer.load(
        {
            name: {key: _like(parameter, array) for key, array in found.items()}
            for name, (parameter, found) in entries.items()
        }
    )


def _copied(tensor: Tensor) -> Array:
    return np.array(tensor.detach().cpu().numpy(), order="C")


def _like(parameter: nn.Parameter, array: Array) -> Tensor:
    """On the parameter's device and, at its shape, in its memory layout: fused kernels want it so."""
    values = torch.from_numpy(array)
    if values.shape == parameter.shape:
        return torch.empty_like(parameter, requires_grad=False).copy_(values)
    return values.to(parameter.device, copy=True)

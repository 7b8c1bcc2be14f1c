"""State dicts of PyTorch's own pickled form: what people have is turned into safetensors on their own machines.

The service reads none that people send, and of its own accord only files that are known by their hash.
`weights_only=True` has been broken twice (CVE-2025-32434, CVE-2026-24747), so the file must come from a trusted place.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from winnow.artifact.atomic import write_atomically
from winnow.contract.problems import InvalidFile

WRAPPERS = ("state_dict", "model_state_dict", "model")
PARALLEL = "module."
HOW = "torch.save(model.state_dict(), PATH)"


def convert(source: Path, target: Path) -> dict[str, tuple[int, ...]]:
    """Write the tensors of a state dict to `target`; returns their shapes by name. Raises InvalidFile."""
    state = {name: _plain(name, tensor) for name, tensor in read_state(source).items()}
    write_atomically(target, [save(state)])
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _plain(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """As numpy has it: bfloat16 and the 8-bit floats become float32, which holds each of their values."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_complex():
        kind = f"{tensor.dtype} of layout {tensor.layout} on {tensor.device}"
        raise InvalidFile(f"{name} is {kind}: only dense tensors of real numbers are weights. Save it with {HOW}")
    short = tensor.is_floating_point() and tensor.dtype not in (torch.float64, torch.float32, torch.float16)
    try:
        return (tensor.float() if short else tensor).contiguous().clone()
    except NotImplementedError as error:  # two 4-bit floats in a byte
        raise InvalidFile(f"{name} is {tensor.dtype}, which torch does not convert. Save it as float32") from error


def read_state(source: Path) -> dict[str, torch.Tensor]:
    """The tensors of a state dict.

    Training scripts wrap state dicts, and DataParallel prefixes every name with `module.`: both are taken off. Raises
    InvalidFile where there is no state dict in the file.
    """
    try:
        content = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        # PyTorch's own text advises to load it without the guard; nobody should read that here.
        text = f"{source.name} holds something else than tensors by name, or is cut off: save it with {HOW}"
        raise InvalidFile(text) from error
    state = _state(content)
    if not state:
        raise InvalidFile(f"{source.name} holds no state dict: save it with {HOW}")
    return state


def _state(content: Any) -> dict[str, torch.Tensor]:
    if not isinstance(content, Mapping):
        return {}
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return _state(content[wrapper])
    named = all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items())
    if not content or not named:
        return {}
    parallel = all(name.startswith(PARALLEL) for name in content)
    return {name.removeprefix(PARALLEL) if parallel else name: value for name, value in content.items()}

"""The four files of a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from winnow.artifact.atomic import write_atomically
from winnow.artifact.header import Header
from winnow.artifact.masks import Masks, check_masked, write_masks
from winnow.artifact.ticket import read_ticket, write_ticket
from winnow.artifact.weights import Tensors, write_weights


class FileKind(NamedTuple):
    """One of a model's files, for those who download it; `dense_as` is the one that has its content in dense layout."""

    media_type: str
    opens_with: str
    dense_as: str


FILE_KINDS = {
    "ticket.winnow": FileKind("application/vnd.winnow.ticket", "winnow unpack ticket.winnow", "weights.safetensors"),
    "weights.safetensors": FileKind(
        "application/vnd.safetensors", 'safetensors.numpy.load_file("weights.safetensors")', "weights.safetensors"
    ),
    "mask.safetensors": FileKind(
        "application/vnd.safetensors", 'winnow.artifact.masks.read_masks(Path("mask.safetensors"))', "mask.safetensors"
    ),
    "model.onnx": FileKind("application/vnd.onnx", 'onnxruntime.InferenceSession("model.onnx")', "model.onnx"),
}
"""Every model has these, and they are listed in this order."""


def dense_bytes(name: str, sizes: Mapping[str, int]) -> int:
    """What a file's content takes with the zeros in place, given the sizes of all files of the model."""
    return sizes[FILE_KINDS[name].dense_as]


def write_model(folder: Path, graph: bytes, header: Header, masks: Masks, weights: Tensors) -> None:
    """Writes the four files into `folder`; `graph` is the network's ONNX graph without values.

    Raises ValueError where masks and weights do not belong together, InvalidFile where the graph is another network's.
    """
    from winnow.artifact.graph import fill  # noqa: PLC0415 - it imports onnx, and the API reads this module's table

    check_masked(masks, weights)
    _write_tensors(folder, header, masks, weights)
    write_ticket(folder / "ticket.winnow", header, masks, weights)
    write_atomically(folder / "model.onnx", [fill(graph, weights, header.metadata())])


def unpack(ticket: Path, folder: Path) -> Header:
    """Writes the weights and the mask that a ticket holds, byte for byte as its model had them.

    Raises InvalidFile as `read_ticket`; then nothing is written.
    """
    content = read_ticket(ticket)
    folder.mkdir(parents=True, exist_ok=True)
    _write_tensors(folder, content.header, content.masks, content.weights)
    return content.header


def _write_tensors(folder: Path, header: Header, masks: Masks, weights: Tensors) -> None:
    write_weights(folder / "weights.safetensors", weights, header.metadata())
    write_masks(folder / "mask.safetensors", masks)

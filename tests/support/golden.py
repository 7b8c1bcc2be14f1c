"""The golden files: made once, kept, and compared byte for byte ever after.

`python -m tests.support.golden` makes them again, which is right only where a format gets a new version.
"""

from pathlib import Path

import numpy as np

from tests.support.networks import LINEAR, NORMALISED, PERCEPTRON, Network, Tensors
from winnow.artifact.certificate import write_certificate
from winnow.artifact.model import write_model
from winnow.artifact.ticket import write_ticket

FOLDER = Path(__file__).parents[1] / "golden"

ODD = np.array([0x80000000, 0x00000001, 0x807FFFFF, 0x7FC01234, 0xFF800001], np.uint32).view(np.float32)
"""−0.0, the smallest denormal, the largest negative one, and two NaNs with payloads."""

CERTIFICATE = {
    "certificate": 1,
    "asked": {"dataset": {"name": "digits"}, "target": {"sparsity": 0.98}, "replicates": 3},
    "found": {"verdict": "winning", "sparsity": 0.98, "low": -1e-07, "accuracy": 1.0},
    "notes": ["An interval over seeds – «é» 1 × 2"],
}


def scrambled(count: int) -> np.ndarray:
    """Whole numbers below 2^32 that look random and are the same everywhere (Knuth's multiplicative hash)."""
    return (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(2_654_435_761)) % np.uint64(2**32)


def tensors(network: Network, keep_one_in: int) -> tuple[Tensors, Tensors]:
    """Masks and weights of a network by arithmetic alone: no generator that another release could change."""
    masks, weights = {}, {}
    for name, shape in network.shapes.items():
        noise = scrambled(int(np.prod(shape)))
        values = (noise / 2**32 + 0.5).astype(np.float32).reshape(shape)
        if name in network.prunable:
            values *= np.where(noise % np.uint64(2), 1, -1).reshape(shape)
            masks[name] = (noise // np.uint64(7) % np.uint64(keep_one_in) == 0).reshape(shape)
            values = np.where(masks[name], values, np.float32(0))
        weights[name] = values if shape else np.array(1234)
    return masks, weights


def sparse() -> tuple[Tensors, Tensors]:
    """A perceptron at 5 % density: gaps, compressed exponents and biases; the first kept values are odd ones."""
    masks, weights = tensors(PERCEPTRON, 20)
    places = np.flatnonzero(masks["hidden.weight"])[: len(ODD)]
    weights["hidden.weight"].flat[places] = ODD
    weights["hidden.bias"][:] = 0
    return masks, weights


def half() -> tuple[Tensors, Tensors]:
    """A small network at half density: bits as they are, compressed exponents."""
    return tensors(NORMALISED, 2)


def tiny() -> tuple[Tensors, Tensors]:
    """Sixty weights, of which nothing is worth compressing."""
    return tensors(LINEAR, 10)


def write(folder: Path) -> None:
    """Every golden file but `half/graph.onnx`, which stands for what an exporter made and is only read."""
    write_ticket(folder / "sparse.winnow", PERCEPTRON.header, *sparse())
    write_ticket(folder / "tiny.winnow", LINEAR.header, *tiny())
    write_certificate(folder / "certificate.json", CERTIFICATE)
    (folder / "half").mkdir(exist_ok=True)
    write_model(folder / "half", (FOLDER / "half" / "graph.onnx").read_bytes(), NORMALISED.header, *half())


if __name__ == "__main__":
    (FOLDER / "half").mkdir(parents=True, exist_ok=True)
    (FOLDER / "half" / "graph.onnx").write_bytes(NORMALISED.graph)
    write(FOLDER)

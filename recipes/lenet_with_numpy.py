"""Ask a LeNet-300-100 with numpy and safetensors alone: no Winnow, no torch, no ONNX.

    python recipes/lenet_with_numpy.py weights.safetensors t10k-images-idx3-ubyte t10k-labels-idx1-ubyte [classes.npy]

Reads downloaded weights and a test set in the form of MNIST's files, prints how many images it gets right as JSON, and
writes its answer for each image to the last argument, if there is one.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open


def idx(path: Path) -> NDArray[np.uint8]:
    """An array from a file of MNIST's form: two zero bytes, the type (8: uint8), the rank, big-endian sizes, values."""
    data = path.read_bytes()
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"{path} is no idx file of bytes; unpack it if it ends in .gz")
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def classes(weights: Path, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The likeliest class of each image."""
    with safe_open(weights, framework="numpy") as file:
        names = file.keys()
        tensors = {name: file.get_tensor(name).astype(np.float64) for name in names}
        preprocessing: dict[str, Any] = json.loads(file.metadata()["preprocessing"])
    x = images.reshape(len(images), -1) / 255
    x = (x - preprocessing["mean"][0]) / preprocessing["std"][0]
    for layer in ("fc1", "fc2", "fc3"):
        x = x @ tensors[f"{layer}.weight"].T + tensors[f"{layer}.bias"]
        if layer != "fc3":
            x = np.maximum(x, 0)
    found: NDArray[np.int64] = np.argmax(x, axis=1)
    return found


def main(weights: str, images: str, labels: str, out: str | None = None) -> None:
    found = classes(Path(weights), idx(Path(images)))
    right = int((found == idx(Path(labels))).sum())
    print(json.dumps({"right": right, "images": len(found), "accuracy": right / len(found)}))
    if out:
        np.save(out, found)


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])

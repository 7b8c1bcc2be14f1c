"""Small networks made by hand: an ONNX graph, its tensors, and the same arithmetic in plain numpy (float64)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from winnow.artifact.header import Header, Provenance
from winnow.artifact.preprocessing import Preprocessing

Tensors = dict[str, np.ndarray]
EPSILON = 1e-5


@dataclass(frozen=True)
class Network:
    """A network: `forward` is what it must compute, from normalised N×C×H×W images to logits."""

    name: str
    header: Header
    shapes: dict[str, tuple[int, ...]]
    prunable: tuple[str, ...]
    nodes: tuple
    forward: Callable[[np.ndarray, Tensors], np.ndarray]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return (*self.header.preprocessing.size, self.header.preprocessing.channels)

    @property
    def graph(self) -> bytes:
        """Its ONNX graph, without values."""
        height, width, channels = self.image_shape
        ends = (["N", channels, height, width], ["N", len(self.header.classes)])
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(("input", "logits"), ends, strict=True)
        ]
        places = [
            TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT)
            for name, shape in self.shapes.items()
            if shape
        ]
        graph = helper.make_graph(list(self.nodes), self.name, infos[:1], infos[1:], places)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        return model.SerializeToString(deterministic=True)

    def weights(self, seed: int = 0) -> Tensors:
        """Values as training might leave them; a shape of () is a count of batches."""
        random = np.random.default_rng(seed)
        weights = {}
        for name, shape in self.shapes.items():
            if not shape:
                weights[name] = np.array(1234, np.int64)
            elif name.endswith("running_var"):
                weights[name] = random.uniform(0.5, 2, shape).astype(np.float32)
            else:
                weights[name] = random.normal(0, 0.5, shape).astype(np.float32)
        return weights

    def masked(self, density: float, seed: int = 0) -> tuple[Tensors, Tensors]:
        """Random masks that keep about `density`, and weights under them."""
        random = np.random.default_rng(seed + 1)
        masks = {name: random.random(self.shapes[name]) < density for name in self.prunable}
        weights = self.weights(seed)
        for name, mask in masks.items():
            weights[name] = np.where(mask, weights[name], np.float32(0))
        return masks, weights

    def images(self, count: int, seed: int = 0) -> np.ndarray:
        """uint8 images N×H×W×C."""
        return np.random.default_rng(seed + 2).integers(0, 256, (count, *self.image_shape), dtype=np.uint8)


def header(name: str, size: tuple[int, int], channels: int, classes: int) -> Header:
    """A header; means and deviations are exact in binary."""
    return Header(
        architecture=name,
        classes=tuple(f"class {index}" for index in range(classes)),
        preprocessing=Preprocessing(
            channels=channels, size=size, mean=(0.25, 0.5, 0.125)[:channels], std=(0.5, 0.25, 0.75)[:channels]
        ),
        provenance=Provenance(
            unit="5e" * 32, fingerprint="f1" * 32, torch="2.13.0", numerics="by hand", replicate=0, level=1
        ),
    )


def conv(x: np.ndarray, weight: np.ndarray, stride: int = 1) -> np.ndarray:
    """A 3×3 convolution with one pixel of zeros around, in the order of its definition."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, weight)


def norm(x: np.ndarray, w: Tensors, name: str) -> np.ndarray:
    """Batch normalisation with the running statistics."""
    mean, var, scale, shift = (
        w[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + EPSILON) * scale + shift


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def _conv_node(x: str, weight: str, y: str, stride: int = 1):
    return helper.make_node("Conv", [x, weight], [y], kernel_shape=[3, 3], pads=[1] * 4, strides=[stride] * 2)


def _norm_node(x: str, name: str, y: str):
    parts = [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    return helper.make_node("BatchNormalization", [x, *parts], [y], epsilon=EPSILON)


def _relu_node(x: str, y: str):
    return helper.make_node("Relu", [x], [y])


def _linear_nodes(x: str, name: str, y: str):
    return (
        helper.make_node("Flatten", [x], [f"{name} in"]),
        helper.make_node("Gemm", [f"{name} in", f"{name}.weight", f"{name}.bias"], [y], transB=1),
    )


def _norm_shapes(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    parts = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return parts | {f"{name}.num_batches_tracked": ()}


LINEAR = Network(
    "linear",
    header("linear", (4, 5), 1, 3),
    {"fc.weight": (3, 20), "fc.bias": (3,)},
    ("fc.weight",),
    _linear_nodes("input", "fc", "logits"),
    lambda x, w: x.reshape(len(x), -1) @ w["fc.weight"].T + w["fc.bias"],
)

PERCEPTRON = Network(
    "perceptron",
    header("perceptron", (6, 6), 3, 4),
    {"hidden.weight": (32, 108), "hidden.bias": (32,), "out.weight": (4, 32), "out.bias": (4,)},
    ("hidden.weight", "out.weight"),
    (
        *_linear_nodes("input", "hidden", "h"),
        _relu_node("h", "r"),
        *_linear_nodes("r", "out", "logits"),
    ),
    lambda x, w: (
        relu(x.reshape(len(x), -1) @ w["hidden.weight"].T + w["hidden.bias"]) @ w["out.weight"].T + w["out.bias"]
    ),
)

CONVOLUTION = Network(
    "convolution",
    header("convolution", (8, 8), 1, 2),
    {"conv.weight": (4, 1, 3, 3), "fc.weight": (2, 64), "fc.bias": (2,)},
    ("conv.weight", "fc.weight"),
    (
        _conv_node("input", "conv.weight", "c"),
        _relu_node("c", "r"),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        *_linear_nodes("p", "fc", "logits"),
    ),
    lambda x, w: (
        relu(conv(x, w["conv.weight"])).reshape(len(x), 4, 4, 2, 4, 2).max(axis=(3, 5)).reshape(len(x), -1)
        @ w["fc.weight"].T
        + w["fc.bias"]
    ),
)

NORMALISED = Network(
    "normalised",
    header("normalised", (7, 9), 3, 3),
    {"conv.weight": (5, 3, 3, 3), **_norm_shapes("norm", 5), "fc.weight": (3, 5), "fc.bias": (3,)},
    ("conv.weight", "fc.weight"),
    (
        _conv_node("input", "conv.weight", "c", stride=2),
        _norm_node("c", "norm", "n"),
        _relu_node("n", "r"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        *_linear_nodes("p", "fc", "logits"),
    ),
    lambda x, w: (
        relu(norm(conv(x, w["conv.weight"], 2), w, "norm")).mean(axis=(2, 3)) @ w["fc.weight"].T + w["fc.bias"]
    ),
)


def _residual(x: np.ndarray, w: Tensors) -> np.ndarray:
    stem = relu(norm(conv(x, w["stem.weight"]), w, "stem_norm"))
    branch = norm(conv(stem, w["branch.weight"]), w, "branch_norm")
    return relu(stem + branch).mean(axis=(2, 3)) @ w["fc.weight"].T + w["fc.bias"]


RESIDUAL = Network(
    "residual",
    header("residual", (8, 8), 3, 10),
    {
        "stem.weight": (6, 3, 3, 3),
        **_norm_shapes("stem_norm", 6),
        "branch.weight": (6, 6, 3, 3),
        **_norm_shapes("branch_norm", 6),
        "fc.weight": (10, 6),
        "fc.bias": (10,),
    },
    ("stem.weight", "branch.weight", "fc.weight"),
    (
        _conv_node("input", "stem.weight", "c1"),
        _norm_node("c1", "stem_norm", "n1"),
        _relu_node("n1", "r1"),
        _conv_node("r1", "branch.weight", "c2"),
        _norm_node("c2", "branch_norm", "n2"),
        helper.make_node("Add", ["r1", "n2"], ["sum"]),
        _relu_node("sum", "r2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"]),
        *_linear_nodes("p", "fc", "logits"),
    ),
    _residual,
)

NETWORKS = (LINEAR, PERCEPTRON, CONVOLUTION, NORMALISED, RESIDUAL)

"""The architectures by name: what they are called, where they come from, which of their tensors can be pruned."""

from pydantic import Field

from winnow.contract.results import LayerKind
from winnow.contract.values import Record


class Architecture(Record):
    """A network's shape under a name."""

    name: str
    family: str = Field(description="Those built alike: the file in `winnow/lottery/architectures` that builds it.")
    summary: str
    source: str
    smallest: int = Field(description="The shortest side of an image that it takes, in pixels.")
    layers: tuple[tuple[str, LayerKind], ...]
    dropout: tuple[str, ...] = Field((), description="The layers whose outputs dropout may drop; none: it takes none.")


_CONV = {count: tuple(f"conv{number}.weight" for number in range(1, count + 1)) for count in (2, 4, 6)}
_RESNET20 = (
    "conv1.weight",
    *(f"layer{stage}.{block}.conv{number}.weight" for stage in (1, 2, 3) for block in (0, 1, 2) for number in (1, 2)),
)


def _layers(conv: tuple[str, ...], linear: tuple[str, ...], output: str) -> tuple[tuple[str, LayerKind], ...]:
    return (*((name, "conv") for name in conv), *((name, "linear") for name in linear), (output, "output"))


def _conv(count: int) -> Architecture:
    return Architecture(
        name=f"conv{count}",
        family="conv",
        summary=f"{count} 3×3 convolutions of 64 filters and more in blocks of two, then two layers of 256 units.",
        source="Frankle & Carbin 2019, arXiv:1803.03635",
        smallest=2 ** (count // 2),
        layers=_layers(_CONV[count], ("fc1.weight", "fc2.weight"), "fc3.weight"),
        dropout=("relu_fc1", "relu_fc2"),
    )


ARCHITECTURES: dict[str, Architecture] = {
    "lenet_300_100": Architecture(
        name="lenet_300_100",
        family="lenet_300_100",
        summary="Two hidden layers of 300 and 100 units.",
        source="LeCun et al. 1998; Frankle & Carbin 2019, arXiv:1803.03635",
        smallest=1,
        layers=_layers((), ("fc1.weight", "fc2.weight"), "fc3.weight"),
        dropout=("relu1", "relu2"),
    ),
    "lenet5": Architecture(
        name="lenet5",
        family="lenet5",
        summary="Two 5×5 convolutions of 20 and 50 filters, then 500 units.",
        source="LeCun et al. 1998; Han et al. 2015, arXiv:1506.02626",
        smallest=16,
        layers=_layers(("conv1.weight", "conv2.weight"), ("fc1.weight",), "fc2.weight"),
        dropout=("relu1",),
    ),
    "conv2": _conv(2),
    "conv4": _conv(4),
    "conv6": _conv(6),
    "resnet20": Architecture(
        name="resnet20",
        family="resnet20",
        summary="Three stages of three residual blocks, 16, 32 and 64 filters; parameter-free shortcuts (option A).",
        source="He et al. 2016, arXiv:1512.03385",
        smallest=8,
        layers=_layers(_RESNET20, (), "linear.weight"),
    ),
    "digits_cnn": Architecture(
        name="digits_cnn",
        family="digits_cnn",
        summary="Two 3×3 convolutions of 16 and 32 filters, then 128 units: for images of about 8×8.",
        source="The block of Conv-2, narrowed: Frankle & Carbin 2019, arXiv:1803.03635",
        smallest=2,
        layers=_layers(("conv1.weight", "conv2.weight"), ("fc1.weight",), "fc2.weight"),
        dropout=("relu3",),
    ),
}

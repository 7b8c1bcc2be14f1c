"""What the service knows of architectures, criteria and built-in data sets without importing torch.

A table of values; `tests/unit/lottery/test_catalog.py` holds it equal to what `winnow.lottery` builds.
"""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from winnow.contract.datasets import DatasetFacts
from winnow.contract.results import LayerKind
from winnow.contract.values import Exact, Record


class Architecture(Record):
    """A network's shape under a name."""

    name: str
    family: str = Field(description="Those built alike: the file in `winnow/lottery/architectures` that builds it.")
    summary: str
    source: str
    smallest: int = Field(description="The shortest side of an image that it takes, in pixels.")
    layers: tuple[tuple[str, LayerKind], ...]
    dropout: tuple[str, ...] = Field((), description="The layers whose outputs dropout may drop; none: it takes none.")


class CriterionEntry(Record):
    """A way to score weights."""

    name: str
    summary: str
    source: str
    at: Literal["trained", "rewind"] = Field("trained", description="Which values it scores unless a job says so.")
    rounds: int = Field(1, description="In how many rounds a level is pruned, scored again after each.")
    alpha: Exact | None = Field(None, description="The exponent of the cost unless a job says so; null: has none.")


_CONV = {count: tuple(f"conv{number}.weight" for number in range(1, count + 1)) for count in (2, 4, 6)}
_RESNET20 = (
    "conv1.weight",
    *(f"layer{stage}.{block}.conv{number}.weight" for stage in (1, 2, 3) for block in (0, 1, 2) for number in (1, 2)),
)


def _layers(conv: tuple[str, ...], linear: tuple[str, ...], output: str) -> tuple[tuple[str, LayerKind], ...]:
    return (*((name, "conv") for name in conv), *((name, "linear") for name in linear), (output, "output"))


def _vgg(count: int) -> Architecture:
    return Architecture(
        name=f"conv{count}",
        family="vgg",
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
    "conv2": _vgg(2),
    "conv4": _vgg(4),
    "conv6": _vgg(6),
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

_CRITERIA = (
    CriterionEntry(
        name="magnitude",
        summary="Keeps the weights of largest absolute value.",
        source="Han et al. 2015, arXiv:1506.02626",
    ),
    CriterionEntry(
        name="magnitude_per_cost",
        summary="Absolute value ÷ cost^alpha; the cost is how many multiplications a weight causes in a forward pass.",
        source="After Han et al. 2015, arXiv:1506.02626",
        alpha=Decimal(1),
    ),
    CriterionEntry(
        name="random",
        summary="Keeps weights at random: what the others have to beat.",
        source="Frankle & Carbin 2019, arXiv:1803.03635",
        at="rewind",
    ),
    CriterionEntry(
        name="snip",
        summary="Keeps the weights whose removal would change the loss most, by its gradient at the start.",
        source="Lee et al. 2019, arXiv:1810.02340",
        at="rewind",
    ),
    CriterionEntry(
        name="grasp",
        summary="Keeps the weights that the gradient's norm needs, by its second derivative at the start.",
        source="Wang et al. 2020, arXiv:2002.07376",
        at="rewind",
    ),
    CriterionEntry(
        name="synflow",
        summary="Keeps what most of the flow through the network passes, in 100 rounds and without data.",
        source="Tanaka et al. 2020, arXiv:2006.05467",
        at="rewind",
        rounds=100,
    ),
    CriterionEntry(
        name="taylor",
        summary="Keeps the weights with the largest squared first-order effect on the loss.",
        source="Molchanov et al. 2019, arXiv:1906.10771",
    ),
    CriterionEntry(
        name="magnitude_gradient",
        summary="Keeps the weights with the largest product of absolute value and mean absolute gradient.",
        source="Blalock et al. 2020, arXiv:2003.03033",
    ),
)

CRITERIA: dict[str, CriterionEntry] = {entry.name: entry for entry in _CRITERIA}

_NUMBERS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

_BUILTIN = (
    DatasetFacts(
        name="digits",
        fingerprint="7d5acaab291c6776efcb387cb2d2c5be2605ecc1d5ced5fa880b2adc54d1c522",
        source="builtin",
        format="builtin",
        classes=_NUMBERS,
        channels=1,
        size=(8, 8),
        counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
    ),
    DatasetFacts(
        name="mnist",
        fingerprint="df29ad85923dee44a53e131a8a22e6b22dfc9d678d92f5fe8eb9d3e83eb495c7",
        source="builtin",
        format="builtin",
        classes=_NUMBERS,
        channels=1,
        size=(28, 28),
        counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    DatasetFacts(
        name="fashion_mnist",
        fingerprint="4dfb20898369b75aa6695ac6dc460f0e8c6563d67f283ecaa110c8aec4e41577",
        source="builtin",
        format="builtin",
        classes=_CLOTHES,
        channels=1,
        size=(28, 28),
        counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
)

DATASETS: dict[str, DatasetFacts] = {facts.name: facts for facts in _BUILTIN}

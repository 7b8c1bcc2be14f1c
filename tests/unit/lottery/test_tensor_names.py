"""Names of tensors are parts of keys and files, and those of weights that others have published."""

from pathlib import Path

import pytest

from tests.support.data import SHARED
from winnow.lottery.architectures import build
from winnow.lottery.conversion import convert
from winnow.lottery.torchvision_import import torchvision

PUBLISHED = SHARED / "pretrained" / "resnet20-12fca82f.th"
COUNTED = "num_batches_tracked"


def shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Those of a network for CIFAR-10."""
    return {name: tuple(tensor.shape) for name, tensor in build(architecture, 10, 3, (32, 32)).state_dict().items()}


def normalised(conv: str, norm: str) -> list[str]:
    """A convolution without bias, and the batch norm behind it."""
    parts = ("weight", "bias", "running_mean", "running_var", COUNTED)
    return [f"{conv}.weight", *(f"{norm}.{part}" for part in parts)]


def akamaster(blocks: int, *, projected: bool = False) -> list[str]:
    """The names that akamaster/pytorch_resnet_cifar10 gives to the tensors of a network of 6 × blocks + 2 layers."""
    names = normalised("conv1", "bn1")
    for block in (f"layer{stage}.{number}" for stage in (1, 2, 3) for number in range(blocks)):
        names += normalised(f"{block}.conv1", f"{block}.bn1") + normalised(f"{block}.conv2", f"{block}.bn2")
        if projected and block in ("layer2.0", "layer3.0"):
            names += normalised(f"{block}.shortcut.0", f"{block}.shortcut.1")
    return [*names, "linear.weight", "linear.bias"]


@pytest.mark.parametrize(("depth", "blocks"), [(20, 3), (32, 5), (56, 9)])
def test_cifar_resnets_have_the_names_of_their_published_weights(depth: int, blocks: int) -> None:
    assert list(shapes(f"resnet{depth}")) == akamaster(blocks)
    assert list(shapes(f"resnet{depth}_projection")) == akamaster(blocks, projected=True)


def test_the_published_weights_of_resnet20_fit_name_by_name(tmp_path: Path) -> None:
    if not PUBLISHED.exists():
        pytest.skip(f"no {PUBLISHED.name} under {PUBLISHED.parent}: lay the shared folder beside the clone")
    published = convert(PUBLISHED, tmp_path / "weights.safetensors")
    # A torch of before 0.4.1 wrote them, which did not count batches.
    assert published == {name: shape for name, shape in shapes("resnet20").items() if not name.endswith(COUNTED)}


def test_resnet18_has_the_names_of_torchvision_and_all_its_shapes_but_the_first() -> None:
    theirs = torchvision("models").resnet18(num_classes=10).state_dict()
    ours = shapes("resnet18")
    assert list(ours) == list(theirs)
    assert [name for name, tensor in theirs.items() if tuple(tensor.shape) != ours[name]] == ["conv1.weight"]


def test_vgg_numbers_its_convolutions_through() -> None:
    names = [name for number in range(1, 17) for name in normalised(f"conv{number}", f"bn{number}")]
    assert list(shapes("vgg19")) == [*names, "fc.weight", "fc.bias"]


def test_wide_resnet_projects_in_the_first_block_of_each_stage() -> None:
    found = {name: shape for name, shape in shapes("wide_resnet_16_4").items() if "shortcut" in name}
    assert found == {
        "layer1.0.shortcut.weight": (64, 16, 1, 1),
        "layer2.0.shortcut.weight": (128, 64, 1, 1),
        "layer3.0.shortcut.weight": (256, 128, 1, 1),
    }


def test_cifar_cnn_makes_800_features_of_an_image_of_cifar() -> None:
    assert shapes("cifar_cnn")["fc1.weight"] == (128, 800)

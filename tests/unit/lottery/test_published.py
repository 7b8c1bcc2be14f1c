"""Published weights: the file is the one of that name, and the model made of it computes what torchvision's does."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.lottery import do
from tests.support.published import NETWORK, data_dir, pretrained_unit, publish, squeezenet, theirs
from winnow.artifact.weights import read_weights
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.catalog.pretrained import PRETRAINED, Pretrained, imagenet_classes
from winnow.contract.problems import InvalidFile, NotFound, Reason
from winnow.contract.specs.jobs import SPEC
from winnow.lottery import published as module
from winnow.lottery.architectures import build
from winnow.lottery.local import run_job
from winnow.lottery.published import published
from winnow.lottery.state import load_network
from winnow.lottery.torchvision_import import torchvision
from winnow.lottery.units import UnitFailed, Warm
from winnow.plan import Known, resolve_sent

IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_catalog_says_what_torchvision_says_of_its_latest_weights(name: str) -> None:
    weights = torchvision("models").get_model_weights(name).DEFAULT
    entry, transforms = PRETRAINED[name], weights.transforms()
    assert entry.file == weights.url.rpartition("/")[2]
    assert weights.url == module.SITE + entry.file
    assert entry.size == (transforms.crop_size[0],) * 2
    assert imagenet_classes() == tuple(weights.meta["categories"])
    if name not in ("googlenet", "inception_v3"):
        assert (list(map(float, entry.mean)), list(map(float, entry.std))) == (transforms.mean, transforms.std)
    assert len(set(imagenet_classes())) == 1000


def old_names(network: nn.Module) -> dict[str, torch.Tensor]:
    """As DenseNet's file has them."""
    state = network.state_dict()
    for layer in ("norm", "relu", "conv"):
        for number in "12":
            inside = f"{layer}{number}."
            state = {
                name.replace(inside, f"{layer}.{number}.") if "denselayer" in name else name: value
                for name, value in state.items()
            }
    return state


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "densenet121", "squeezenet1_1"])
def test_the_model_made_of_a_file_computes_what_torchvisions_does(name: str, tmp_path: Path) -> None:
    """Also where torchvision brings images to another range inside of the network, and for DenseNet's old names."""
    shifting = {"transform_input": True, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    reference = theirs(name, **shifting).eval()
    architecture, entry = ARCHITECTURES[f"torchvision/{name}"], PRETRAINED[name]
    file = publish(old_names(reference), tmp_path, name)
    side = architecture.smallest + 5
    unit = pretrained_unit(file, architecture=architecture.name, size=(side, side), mean=entry.mean, std=entry.std)
    do(unit, tmp_path, Warm(tmp_path))
    ours = build(*unit.network).eval()
    load_network(ours, read_weights(tmp_path / unit.key / "weights.safetensors"))
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))

    def normalised(mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
        return (images - mean[:, None, None]) / std[:, None, None]

    with torch.inference_mode():
        expected = reference(normalised(*IMAGENET))
        found = ours(normalised(*(torch.tensor(list(map(float, numbers))) for numbers in (entry.mean, entry.std))))
    assert (found - expected).abs().max() <= 1e-4 * max(1.0, float(expected.abs().max()))


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A web site of the files in a folder."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_a_file_that_is_not_at_hand_is_downloaded_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = squeezenet()
    with site(data_dir() / "pretrained") as url:
        monkeypatch.setattr(module, "SITE", url)
        found = published(file, tmp_path)
    assert found == tmp_path / "pretrained" / file
    assert found.read_bytes() == (data_dir() / "pretrained" / file).read_bytes()
    assert published(file, tmp_path) == found, "the site is away now"


def test_what_is_downloaded_must_be_the_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "x-00000000.pth").write_bytes(b"cut off")
    with site(tmp_path / "site") as url:
        monkeypatch.setattr(module, "SITE", url)
        with pytest.raises(NotFound, match=r"put x-00000000\.pth into WINNOW_DATA_DIR/pretrained"):
            published("x-00000000.pth", tmp_path)
    assert not (tmp_path / "pretrained").exists()


def test_without_network_or_data_directory_it_says_where_the_file_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SITE", "http://127.0.0.1:9/")
    with pytest.raises(NotFound, match=r"put x-00000000\.pth into WINNOW_DATA_DIR/pretrained"):
        published("x-00000000.pth", tmp_path)
    with pytest.raises(NotFound, match=r"set WINNOW_DATA_DIR; put x-00000000\.pth"):
        published("x-00000000.pth", None)


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pretrained").mkdir()
    (tmp_path / "pretrained" / "x-00000000.pth").write_bytes(b"something else")
    with pytest.raises(InvalidFile, match="not the published file: its SHA-256 begins with"):
        published("x-00000000.pth", tmp_path)


def test_a_file_of_another_network_fails_by_name(tmp_path: Path) -> None:
    unit = pretrained_unit(squeezenet(), architecture="torchvision/resnet18")
    with pytest.raises(UnitFailed, match="missing") as failed:
        do(unit, tmp_path, Warm(data_dir()))
    assert failed.value.reason == Reason.DATA_ERROR
    assert unit.network.architecture != NETWORK


def test_a_job_trains_a_head_on_published_weights_and_leaves_the_rest_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ARCHITECTURES[NETWORK].model_copy(update={"pretrained": Pretrained(file=squeezenet())})
    monkeypatch.setitem(ARCHITECTURES, NETWORK, entry)
    sent = {
        "kind": "transfer",
        "model": {"name": NETWORK, "weights": "pretrained"},
        "dataset": {"name": "digits", "size": [32, 32]},
        "trainable": "head",
        "arms": ["no_mask"],
        "train": {"steps": 5},
        "replicates": 1,
    }
    known = Known(dataset=lambda name: DATASETS[name], model=lambda _id: (), auto="cpu")
    job = resolve_sent(sent, SPEC.validate_python, known)
    outcome = run_job(job, tmp_path, Warm(data_dir()), lambda _status: None)
    (network,) = (network for network in outcome.certificate["networks"] if network["arm"] == "no_mask")
    found = read_weights(tmp_path / "units" / network["unit"] / "weights.safetensors")
    came = theirs(NETWORK).state_dict()
    changed = {name for name, values in found.items() if not np.array_equal(values, came[name].numpy())}
    assert changed == {"classifier.1.weight", "classifier.1.bias"}

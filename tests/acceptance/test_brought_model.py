"""A published network, brought in and asked over REST, is as good as its publishers say."""

from pathlib import Path

import pytest

from tests.support.data import SHARED
from tests.support.service import Service, embedded
from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_weights
from winnow.client import Client
from winnow.lottery.conversion import convert

RESNET20 = SHARED / "pretrained" / "resnet20-12fca82f.th"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def cifar10(client: Client) -> dict[str, object]:
    found = client.dataset("cifar10")
    return {
        "architecture": "resnet20",
        "classes": list(found.classes),
        "input": {"channels": found.channels, "size": list(found.size), **IMAGENET},
    }


@pytest.mark.timeout(600)
def test_the_public_resnet20_scores_what_its_collection_says(tmp_path: Path, cifar_dir: Path) -> None:
    """91.73 % on the CIFAR-10 test images: akamaster's pytorch_resnet_cifar10, README."""
    if not RESNET20.exists():
        pytest.skip(f"{RESNET20.name} is not at hand")
    convert(RESNET20, weights := tmp_path / "resnet20.safetensors")
    with Service(embedded(tmp_path, cifar_dir), tmp_path) as service, service.client() as client:
        service.add_worker("first", slots=1)
        model = client.push(weights, "resnet20", cifar10(client))
        made = list(client.follow(model.jobs[0]))[-1]
        assert made.state == "succeeded", made.error
        job = client.submit({"kind": "evaluate", "model": model.id, "dataset": "cifar10"})
        job = list(client.follow(job.id))[-1]
        assert job.state == "succeeded", job.error
        measured = job.levels[0].arms["evaluated"]
        assert measured is not None
        assert measured.mean == 0.9173
        assert job.progress.units_done == job.progress.units_total == 2

        files = {file.name: client.download(model.id, file, tmp_path) for file in client.files(model.id)}
        assert sorted(files) == ["mask.safetensors", "model.onnx", "ticket.winnow", "weights.safetensors"]
        assert all(mask.all() for mask in read_masks(files["mask.safetensors"]).values())
        sent, back = read_weights(weights), read_weights(files["weights.safetensors"])
        assert all((sent[name] == back[name]).all() for name in sent)

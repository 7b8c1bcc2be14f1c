"""The line in full on Postgres, Redis and S3: Fashion-MNIST, LeNet-300-100, to 95 % sparsity, checked from outside."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recipes.lenet_with_numpy import idx
from tests.conftest import S3
from tests.support.service import ROOT, Service, on_servers
from winnow.artifact.masks import read_masks
from winnow.client import Client

SPEC = {
    "kind": "prune",
    "dataset": "fashion_mnist",
    "model": "lenet_300_100",
    "target": {"sparsity": 0.95},
    "train": {"epochs": 1, "batch_size": 128},
    "method": {"schedule": {"name": "iterative", "rate": 0.6}},
    "replicates": 3,
}
PRUNABLE = 784 * 300 + 300 * 100 + 100 * 10
# A program that finds Winnow or torch on its way would prove nothing: they are hidden from it.
ALONE = """
import runpy, sys

class OnlyNumpyAndSafetensors:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"winnow", "torch", "onnx", "onnxruntime"}:
            raise ImportError(f"{name} is hidden")

sys.meta_path.insert(0, OnlyNumpyAndSafetensors())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def own_arithmetic(weights: Path, raw: Path, out: Path) -> dict[str, float]:
    program = ROOT / "recipes" / "lenet_with_numpy.py"
    files = [weights, raw / "t10k-images-idx3-ubyte", raw / "t10k-labels-idx1-ubyte", out]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, program, *files], capture_output=True, text=True, check=False, cwd=out.parent
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


def asked(client: Client, model: str, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    answer = client.predict_arrays(model, [image.tolist() for image in images])
    return np.array([one.index for one in answer.predictions])


@pytest.mark.timeout(900)
def test_a_downloaded_ticket_says_outside_what_it_said_in_the_job(
    tmp_path: Path, data_dir: Path, new_database: Callable[[], str], empty_redis_url: str, s3: S3
) -> None:
    environment = on_servers(tmp_path, new_database(), empty_redis_url, s3, data_dir)
    with Service(environment, tmp_path) as service, service.client() as client:
        service.add_worker("first", slots=2)
        job = list(client.follow(client.submit(SPEC).id))[-1]

        assert job.state == "succeeded", job.error
        assert job.result is not None
        target = job.levels[-1]
        assert (target.sparsity, target.zeros, target.prunable) == (0.95, round(0.95 * PRUNABLE), PRUNABLE)
        assert all(target.arms[arm] for arm in ("ticket", "dense", "random_reinit", "random_mask"))
        assert target.verdict is not None

        model = job.result.target.model_id
        files = {file.name: client.download(model, file, tmp_path) for file in client.files(model)}
        masked = sum(int((~mask).sum()) for mask in read_masks(files["mask.safetensors"]).values())
        assert masked == target.zeros

        raw = data_dir / "FashionMNIST" / "raw"
        own = own_arithmetic(files["weights.safetensors"], raw, tmp_path / "own.npy")
        in_job = next(row.test_accuracy for row in target.models if row.model_id == model)
        assert own == {"right": round(in_job * 10_000), "images": 10_000, "accuracy": in_job}

        answered = asked(client, model, idx(raw / "t10k-images-idx3-ubyte"))
        assert np.array_equal(answered, np.load(tmp_path / "own.npy"))

"""Whatever target, rate, architecture and seed: the zeros in the downloaded mask are exactly those asked for."""

import random
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.service import Service, embedded
from winnow.artifact.masks import read_masks
from winnow.contract.catalog.architectures import ARCHITECTURES

CASES = 20
SIDE = 16
LARGE = {"vgg", "resnet18"}
"""Families of ten million weights and more: too slow here, and `tests/spec/` counts their zeros."""
RATES = {"conv": 0.5, "linear": 0.6, "output": 0.3}


def colours(folder: Path) -> Path:
    """A small data set that most other architectures take: 16×16 pixels, three channels, two classes."""
    draw = np.random.default_rng(0)
    path = folder / "colours.npz"
    np.savez(path, x=draw.integers(0, 256, (120, SIDE, SIDE, 3), dtype=np.uint8), y=np.arange(120) % 2)
    return path


def drawn(case: int) -> dict[str, Any]:
    small = sorted(name for name, one in ARCHITECTURES.items() if one.family not in LARGE and one.smallest <= SIDE)
    architecture = ARCHITECTURES[small[case % len(small)]]
    draw = random.Random(case)  # noqa: S311 - cases of a test, not secrets
    by_rate = {"name": "iterative", "rate": round(draw.uniform(0.3, 0.95), draw.randint(1, 4))}
    by_levels = {"name": "iterative", "levels": draw.randint(1, 5)}
    kinds = {kind for _, kind in architecture.layers}
    by_layer = {"name": "iterative", "rate": {kind: RATES[kind] for kind in sorted(kinds)}}
    schedule = draw.choice([by_rate, by_levels, by_layer, "one_shot"])
    return {
        "kind": "prune",
        "dataset": "colours",
        "model": architecture.name,
        "target": {"sparsity": round(draw.uniform(0.05, 0.99), draw.randint(2, 5))},
        "method": {
            "schedule": schedule,
            "scope": "layer" if schedule is by_layer else draw.choice(["global", "layer"]),
        },
        "train": {"steps": 2, "batch_size": 20},
        "arms": ["ticket"],
        "replicates": 1,
        "seed": draw.randrange(2**40),
    }


@pytest.mark.timeout(600)
def test_the_zeros_of_a_downloaded_mask_are_the_zeros_asked_for(tmp_path: Path) -> None:
    with Service(embedded(tmp_path), tmp_path) as service, service.client() as client:
        service.add_worker("first", slots=2)
        client.upload(colours(tmp_path), "colours")
        specs = [drawn(case) for case in range(CASES)]
        for spec, submitted in [(spec, client.submit(spec)) for spec in specs]:
            job = list(client.follow(submitted.id))[-1]
            assert job.state == "succeeded", (spec, job.error)
            assert job.result is not None
            model = job.result.target.model_id
            file = next(file for file in client.files(model) if file.name == "mask.safetensors")
            folder = tmp_path / job.id
            folder.mkdir()
            masks = read_masks(client.download(model, file, folder)).values()
            prunable = sum(mask.size for mask in masks)
            asked = Decimal(repr(spec["target"]["sparsity"])) * prunable
            assert sum(int((~mask).sum()) for mask in masks) == int(asked.quantize(Decimal(1), ROUND_HALF_UP)), spec

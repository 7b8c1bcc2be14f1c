"""`winnow run` from outside: what it refuses, what it leaves, and that it goes on."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.api import png
from tests.support.brought import SPEC, safetensors, weights
from winnow.cli.main import run

TRAIN = {"kind": "train", "dataset": "digits", "model": "digits_cnn", "train": {"epochs": 1}}
SMALL = {"epochs": 1, "batch_size": 20}


def winnow_run(spec: dict[str, Any], tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "job.json").write_text(json.dumps(spec))
    command = [sys.executable, "-m", "winnow.cli", "run", "job.json", "--out", "out", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_a_job_leaves_its_units_tables_and_certificate_and_is_not_done_twice(tmp_path: Path) -> None:
    first = winnow_run(TRAIN, tmp_path, "--json")

    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert found["result"]["target"]["model_id"].startswith("mdl_")
    assert {"certificate.json", "table.json", "table.csv", "units"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    (unit,) = (tmp_path / "out" / "units").iterdir()
    made = (unit / "weights.safetensors").stat().st_mtime_ns
    of_it = [str(path) for path in unit.iterdir() if path.suffix in (".winnow", ".safetensors", ".onnx")]
    assert len(of_it) > 3
    assert run(["verify", str(tmp_path / "out" / "certificate.json"), *of_it]) == 0
    assert found["models"] == {found["result"]["target"]["model_id"]: f"out/units/{unit.name}"}

    again = winnow_run(TRAIN, tmp_path)

    assert again.returncode == 0, again.stderr
    assert "0.00% sparse" in again.stdout
    assert f"Its files are in out/units/{unit.name}\n" in again.stdout
    assert (unit / "weights.safetensors").stat().st_mtime_ns == made


def test_a_data_set_of_one_s_own_is_given_by_its_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = np.arange(60) % 2
    np.savez(tmp_path / "mine.npz", x=random.integers(0, 256, (60, 8, 8), dtype=np.uint8), y=y)

    done = winnow_run(
        TRAIN | {"dataset": "mine", "train": {"epochs": 1, "batch_size": 20}}, tmp_path, "--upload", "mine.npz"
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("uploads", "says"),
    [
        (["mine.npz"], "the job names no data set 'mine'"),
        (["other=mine.npz"], "the job names no data set 'other'"),
        (["digits=mine.npz"], "'digits' is a built-in data set"),
        (["mine.npz", "mine=mine.npz"], "two files have one name"),
        (["none.npz"], "there is no file 'none.npz'"),
        (["mine=none.npz"], "there is no file 'none.npz'"),
    ],
)
def test_an_upload_has_a_name_that_the_job_names(uploads: list[str], says: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.arange(40) % 2)
    refused = winnow_run(TRAIN, tmp_path, *(part for one in uploads for part in ("--upload", one)))
    assert refused.returncode != 0
    assert says in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


def test_a_transfer_goes_from_one_uploaded_data_set_to_another(tmp_path: Path) -> None:
    for name, grey in (("first", 0), ("mine", 200)):
        np.savez(tmp_path / f"{name}.npz", x=np.full((40, 8, 8), grey, np.uint8), y=np.arange(40) % 2)
    before = TRAIN | {"dataset": "first", "train": SMALL}
    then = {"kind": "transfer", "dataset": "second", "model": {"job": before}, "replicates": 1, "train": SMALL}
    done = winnow_run(then, tmp_path, "--upload", "first.npz", "--upload", "second=mine.npz")
    assert done.returncode == 0, done.stderr
    certificate = json.loads((tmp_path / "out" / "certificate.json").read_text())
    asked = certificate["dataset"], certificate["before"][0]["dataset"]
    assert [(one["name"], one["source"]) for one in asked] == [("second", "upload"), ("first", "upload")]
    assert asked[0]["fingerprint"] != asked[1]["fingerprint"]


def test_beside_an_upload_built_in_data_sets_are_what_they_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.arange(40) % 2)
    then = {"kind": "transfer", "dataset": "mine", "model": {"job": TRAIN}, "replicates": 1, "train": SMALL}
    done = winnow_run(then, tmp_path, "--upload", "mine.npz")
    assert done.returncode == 0, done.stderr
    certificate = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert certificate["dataset"]["source"] == "upload"
    assert certificate["before"][0]["dataset"]["source"] == "builtin"


def test_pictures_of_many_sizes_are_resized_to_one_that_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for index in range(40):
            pixels = np.full((8 + index % 3, 9), index * 6, np.uint8)
            archive.writestr(f"{'ab'[index % 2]}/{index}.png", png(pixels))
    spec = TRAIN | {"dataset": "mine", "train": {"epochs": 1, "batch_size": 10}}

    unsaid = winnow_run(spec, tmp_path, "--upload", "mine.zip")
    wrong = winnow_run(spec, tmp_path, "--upload", "mine.zip", "--size", "8y8")
    done = winnow_run(spec, tmp_path, "--upload", "mine.zip", "--size", "8x9")

    assert (unsaid.returncode, wrong.returncode, done.returncode) == (1, 2, 0), unsaid.stderr + done.stderr
    assert "the images differ in size" in unsaid.stderr
    assert "'8y8' is no image size, as 32x32" in wrong.stderr
    assert json.loads((tmp_path / "out" / "certificate.json").read_text())["dataset"]["size"] == [8, 9]


def test_a_part_of_a_data_set_at_another_size(tmp_path: Path) -> None:
    part = {"name": "digits", "classes": ["7", "1"], "fraction": 0.5, "size": [16, 16], "channels": 3}

    done = winnow_run(TRAIN | {"model": "lenet5", "dataset": part}, tmp_path)

    assert done.returncode == 0, done.stderr
    certificate = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert certificate["dataset"]["classes"] == ["7", "1"]
    assert certificate["dataset"]["splits"] == {"train": 131, "validation": 29, "test": 72}
    assert certificate["asked"]["dataset"].items() >= part.items()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"kind": "prune", "dataset": "digits", "model": "lenet5", "target": {"sparsity": 1}}, "target.sparsity"),
        (TRAIN | {"epoch": 3}, "epoch: there is no such field. Known are: dataset, kind"),
        (TRAIN | {"train": {"epocs": 3}}, "train.epocs: there is no such field. Did you mean 'epochs'?"),
        (TRAIN | {"model": "lenet"}, "no architecture 'lenet'"),
        (TRAIN | {"dataset": "digit"}, "There is no data set 'digit'. Did you mean 'digits'?"),
        (TRAIN | {"dataset": {"name": "digits", "classes": ["7", "seven"]}}, "no class of 'digits' 'seven'"),
        (TRAIN | {"dataset": {"name": "digits", "fraction": 0.01}}, "dataset.fraction"),
        (TRAIN | {"dataset": "mnist"}, "WINNOW_DATA_DIR"),
    ],
)
def test_a_job_that_cannot_be_done_says_why_without_a_traceback(
    spec: dict[str, Any], said: str, tmp_path: Path
) -> None:
    done = winnow_run(spec, tmp_path)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_directory_that_is_given_has_to_be_there(tmp_path: Path) -> None:
    done = winnow_run(TRAIN, tmp_path, "--data-dir", "dta")
    assert done.returncode == 2
    assert "'dta' does not exist" in done.stderr
    assert not (tmp_path / "dta").exists()


def test_brought_weights_are_evaluated_pruned_and_transferred_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(safetensors(weights()))
    (tmp_path / "mine.json").write_text(json.dumps(SPEC))
    mine = ("--weights", "mine.safetensors", "--network", "mine.json", "--json")

    measured = winnow_run({"kind": "evaluate", "dataset": "digits"}, tmp_path, *mine)
    assert measured.returncode == 0, measured.stderr
    (row,) = json.loads(measured.stdout)["levels"]
    assert 0 <= row["arms"]["evaluated"]["mean"] <= 1

    train = {"steps": 4, "optimizer": {"name": "sgd", "lr": 0.05}}
    pruned = winnow_run(
        {"kind": "prune", "dataset": "digits", "train": train, "target": {"sparsity": 0.4}, "replicates": 1},
        tmp_path,
        *mine,
    )
    assert pruned.returncode == 0, pruned.stderr
    ticket = json.loads(pruned.stdout)["result"]["target"]["model_id"]

    some = {"name": "digits", "classes": ["3", "1", "4"]}
    moved = winnow_run(
        {"kind": "transfer", "model": ticket, "dataset": some, "train": train, "replicates": 1}, tmp_path, "--json"
    )
    assert moved.returncode == 0, moved.stderr
    assert json.loads(moved.stdout)["levels"][0]["arms"].keys() == {
        "mask_trained",
        "no_mask",
        "random_mask",
        "mask_random",
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--weights", "job.json"), "does not say what its network is: give --network"),
        (("--network", "job.json"), "belong to --weights"),
        (("--weights", "job.json", "--network", "job.json"), "architecture"),
    ],
)
def test_weights_want_to_be_explained(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    refused = winnow_run({"kind": "evaluate"}, tmp_path, *options)
    assert refused.returncode != 0
    assert says in " ".join(refused.stderr.split())


def test_weights_of_an_earlier_run_need_no_explanation(tmp_path: Path) -> None:
    made = winnow_run(TRAIN | {"train": SMALL}, tmp_path)
    assert made.returncode == 0, made.stderr
    (unit,) = (tmp_path / "out" / "units").iterdir()
    shutil.copy(unit / "weights.safetensors", tmp_path / "own.safetensors")
    done = winnow_run({"kind": "evaluate", "dataset": "digits"}, tmp_path, "--weights", "own.safetensors")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "resnet20"},
        {"model": {"job": TRAIN}},
        {"model": {"name": SPEC["architecture"], "weights": "pretrained"}},
        {"model": 3},
        {"sweep": {"model": ["digits_cnn", "lenet_300_100"]}},
    ],
    ids=str,
)
def test_a_job_that_begins_with_something_else_than_the_weights_is_refused(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "mine.safetensors").write_bytes(safetensors(weights()))
    (tmp_path / "mine.json").write_text(json.dumps(SPEC))
    refused = winnow_run(TRAIN | changes, tmp_path, "--weights", "mine.safetensors", "--network", "mine.json")
    assert refused.returncode == 1
    assert "leave `model` out" in " ".join(refused.stderr.split())


def test_what_a_job_says_of_its_networks_dropout_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(safetensors(weights()))
    (tmp_path / "mine.json").write_text(json.dumps(SPEC))
    spec = TRAIN | {"model": {"name": SPEC["architecture"], "dropout": 0.5}}
    done = winnow_run(spec, tmp_path, "--weights", "mine.safetensors", "--network", "mine.json")
    assert done.returncode == 0, done.stderr
    asked = json.loads((tmp_path / "out" / "certificate.json").read_text())["asked"]["model"]
    assert asked["name"].startswith("mdl_")
    assert float(asked["dropout"]) == 0.5


def test_a_model_that_is_not_in_the_folder_is_refused(tmp_path: Path) -> None:
    refused = winnow_run({"kind": "evaluate", "model": "mdl_nothing", "dataset": "digits"}, tmp_path)
    assert refused.returncode == 1
    assert "no model 'mdl_nothing'" in refused.stderr

"""Data sets over HTTP: checked, kept once, found by name."""

import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import select

from app.datasets import folders
from app.datasets.inspection import Kind, inspected
from tests.support.api import NPZ, ZIP, Api, array_npz, image_zip, is_problem, png, until
from tests.support.driver import train
from winnow.artifact.uploads import UploadFacts
from winnow.client import Client
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.resources import Dataset, Datasets, Page
from winnow.db.tables import datasets, objects


def test_a_zip_becomes_a_data_set_that_jobs_can_name(api: Api) -> None:
    answer = api.upload("mine", image_zip())
    assert answer.status_code == 201, answer.text
    dataset = Dataset.model_validate_json(answer.content)
    assert answer.headers["location"] == f"/v1/datasets/{dataset.id}"
    assert (dataset.classes, dataset.counts, dataset.size) == (("class-0", "class-1"), (12, 12), (8, 8))
    assert api.get(answer.headers["location"]).json() == answer.json() == api.get("/v1/datasets/mine").json()
    for name in ("mine", dataset.id):
        job = api.submit(train(dataset=name, train={"epochs": 1, "batch_size": 4}))
        assert job["spec"]["dataset"] == {
            "name": "mine",
            "fingerprint": dataset.fingerprint,
            "classes": None,
            "fraction": 1.0,
            "size": [8, 8],
            "channels": 1,
        }
    assert not api.left_in_uploads()


def test_a_job_takes_a_part_of_a_data_set_at_another_size(api: Api) -> None:
    api.upload("mine", image_zip())
    part = {"name": "mine", "classes": ["class-1", "class-0"], "fraction": 0.5, "size": [6, 5], "channels": 3}
    job = api.submit(train(dataset=part, train={"epochs": 1, "batch_size": 4}))
    assert job["spec"]["dataset"].items() >= part.items()
    unknown = train(dataset={"name": "digits", "classes": ["1", "class-7"]})
    is_problem(api.http.post("/v1/jobs", json=unknown), 422, "no class of 'digits' 'class-7'")
    is_problem(api.http.post("/v1/jobs", json=train(dataset={"name": "digits", "size": [0, 8]})), 422, "size")


def test_arrays_become_a_data_set(api: Api) -> None:
    answer = api.upload("arrays", array_npz(), NPZ)
    assert (answer.status_code, answer.json()["counts"]) == (201, [20, 20])
    stored = api.driver.all(select(datasets))[0].object
    assert b"".join(api.parts.objects.stream(stored)) == array_npz()


def test_the_same_again_changes_nothing(api: Api) -> None:
    first = api.upload("mine", image_zip())
    again = api.upload("mine", image_zip())
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(api.driver.all(select(datasets))) == 1


def test_the_same_again_mends_what_is_damaged_in_the_store(api: Api) -> None:
    sent = image_zip()
    first = api.upload("mine", sent)
    stored = api.driver.all(select(datasets))[0].object
    api.parts.objects.delete(stored)
    assert (first.status_code, api.upload("mine", sent).status_code) == (201, 200)
    assert api.parts.objects.exists(stored)


def test_a_name_has_one_content(api: Api) -> None:
    api.upload("mine", image_zip())
    is_problem(api.upload("mine", image_zip(seed=1)), 409, "other content", "another name")
    is_problem(api.upload("mine", array_npz(), NPZ), 409)
    assert len(api.driver.all(select(datasets))) == 1
    assert not api.left_in_uploads()


@pytest.mark.parametrize("name", ["digits", "dst_mine", "../up", "a/b", ".hidden", "", "a" * 101, "a b", "ä", "%00"])
def test_a_name_that_cannot_be_used_is_refused(api: Api, name: str) -> None:
    answer = api.upload(name, image_zip())
    is_problem(answer, 409 if name == "digits" else 422)
    assert api.nothing_kept()


def test_a_name_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "mine" / "train" / "cat").mkdir(parents=True)
    with Api(tmp_path, data_dir=tmp_path / "data") as api:
        is_problem(api.upload("mine", image_zip()), 409, "folder of the data directory")


@pytest.mark.parametrize(("size", "pixels"), [("6", [6, 6]), ("5x7", [5, 7])])
def test_images_are_resized_where_a_size_is_given(api: Api, size: str, pixels: list[int]) -> None:
    assert api.upload("mine", image_zip(), size=size).json()["size"] == pixels


@pytest.mark.parametrize("size", ["0", "x", "5x", "-3", "1.5", "99999"])
def test_a_size_that_is_none_is_refused(api: Api, size: str) -> None:
    is_problem(api.upload("mine", image_zip(), size=size), 422, "size")


def test_a_size_is_for_images(api: Api) -> None:
    is_problem(api.upload("arrays", array_npz(), NPZ, size="5"), 422, "Leave `size` out")


def test_another_size_is_another_content(api: Api) -> None:
    api.upload("mine", image_zip())
    is_problem(api.upload("mine", image_zip(), size="6"), 409)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/json", ""])
def test_what_the_file_is_must_be_said(api: Api, kind: str) -> None:
    is_problem(api.upload("mine", image_zip(), kind), 415, "application/zip", "application/x-npz")


def test_an_npz_is_no_zip_of_images(api: Api) -> None:
    is_problem(api.upload("mine", array_npz(), ZIP), 422)
    is_problem(api.upload("mine", image_zip(), NPZ), 422)
    assert api.nothing_kept()
    assert not api.driver.all(select(objects))


def test_uploads_are_listed_newest_first_then_those_built_in(api: Api) -> None:
    for seed, name in enumerate(("one", "two", "three")):
        api.upload(name, image_zip(seed=seed))
    whole = [item["name"] for item in api.get("/v1/datasets").json()["items"]]
    assert whole == ["three", "two", "one", *sorted(DATASETS)]
    for limit in ("1", "2", "4"):
        seen, cursor = [], None
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = Page[Dataset].model_validate_json(api.get("/v1/datasets", params=params).content)
            seen += [item.name for item in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == whole


def test_a_built_in_data_set_is_found_by_name(api: Api) -> None:
    found = Dataset.model_validate_json(api.get("/v1/datasets/digits").content)
    assert (found.id, found.source, sum(found.counts), found.created_at) == ("digits", "builtin", 1797, None)


def test_a_data_set_that_is_not_there_says_what_there_is(api: Api) -> None:
    api.upload("my-cats", image_zip())
    is_problem(api.get("/v1/datasets/my_cats"), 404, "Did you mean 'my-cats'?", "digits")


def laid_out(folder: Path, above: str = "train") -> Path:
    """A data set of twelve cats and twelve dogs."""
    for label in ("cat", "dog"):
        (folder / above / label).mkdir(parents=True)
        for index in range(12):
            pixels = np.full((8, 8), index * 3, np.uint8)
            (folder / above / label / f"{index}.png").write_bytes(png(pixels))
    return folder


def test_a_folder_is_a_data_set_and_looked_through_again_when_it_changed(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data" / "pets")
    with Api(tmp_path, data_dir=tmp_path / "data") as api:
        first = api.get("/v1/datasets/pets").json()
        assert (first["source"], first["counts"]) == ("folder", [12, 12])
        job = api.submit(train(dataset="pets", train={"epochs": 1, "batch_size": 4}))
        assert job["spec"]["dataset"]["fingerprint"] == first["fingerprint"]
        (folder / "train" / "cat" / "12.png").write_bytes(png(np.zeros((8, 8), np.uint8)))
        assert api.get("/v1/datasets/pets").json()["counts"] == [13, 12]
        is_problem(api.get("/v1/datasets/..%2fdata%2fpets"), 404)


def test_a_folder_of_classes_alone_is_a_data_set_as_it_is_for_winnow_run(tmp_path: Path) -> None:
    laid_out(tmp_path / "data" / "pets", above="")
    with Api(tmp_path, data_dir=tmp_path / "data") as api:
        assert api.get("/v1/datasets/pets").json()["counts"] == [12, 12]
        api.submit(train(dataset="pets", train={"epochs": 1, "batch_size": 4}))
        is_problem(api.upload("pets", image_zip()), 409, "folder of the data directory")
        is_problem(api.get("/v1/datasets/pest"), 404, "Did you mean 'pets'?", "NAME/CLASS/image.png")


def test_folders_are_listed_last_without_being_looked_through(tmp_path: Path) -> None:
    for name in ("pets", "birds", "mine", "digits"):
        laid_out(tmp_path / "data" / name)
    (tmp_path / "data" / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").touch()
    with Api(tmp_path, data_dir=tmp_path / "data") as api:
        shutil.move(tmp_path / "data" / "mine", tmp_path / "away")
        api.upload("mine", image_zip())
        shutil.move(tmp_path / "away", tmp_path / "data" / "mine")

        def listed(**params: str) -> Datasets:
            return Datasets.model_validate_json(api.get("/v1/datasets", params=params).content)

        assert [item.name for item in listed().items] == ["mine", *sorted(DATASETS)]
        assert listed().unread == ("birds", "pets")
        whole = api.get("/v1/datasets/pets").json()
        seen = listed()
        assert ([item.name for item in seen.items][-2:], seen.unread) == (["svhn", "pets"], ("birds",))
        assert seen.items[-1] == Dataset.model_validate(whole)
        page = listed(limit=str(len(seen.items) - 1))
        assert page.next
        assert [item.name for item in listed(cursor=page.next).items] == ["pets"]


def test_who_asks_for_a_folder_that_takes_long_is_told_to_ask_again_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out(tmp_path / "data" / "large")
    laid_out(tmp_path / "data" / "small")
    let_go, looks = threading.Event(), list[str]()

    def slowly(kind: Kind, path: Path) -> UploadFacts:
        looks.append(path.name)
        assert path.name == "small" or let_go.wait(30)
        return inspected(kind, path)

    monkeypatch.setattr(folders, "inspected", slowly)
    monkeypatch.setattr(folders, "PATIENCE_SECONDS", 0.1)
    sent = train(dataset="large", train={"epochs": 1, "batch_size": 4})
    with Api(tmp_path, data_dir=tmp_path / "data") as api:
        for _ in range(2):
            answer = api.http.post("/v1/jobs", json=sent)
            is_problem(answer, 503, "Every file of 'large' is being read", "Ask again in a minute")
            assert answer.headers["retry-after"]
        until(lambda: api.get("/v1/datasets/small").status_code == 200, "the other folder")
        let_go.set()
        until(lambda: api.http.post("/v1/jobs", json=sent).status_code == 202, "the folder")
    assert sorted(looks) == ["large", "small"]


def test_a_service_that_ends_waits_for_no_folder_and_nobody_goes_on_reading_it(tmp_path: Path) -> None:
    """A pipe that nobody writes to stands for a file that takes for ever."""
    folder = laid_out(tmp_path / "data" / "large")
    os.mkfifo(folder / "train" / "cat" / "endless.png")
    program = "\n".join(
        [
            "from pathlib import Path",
            "from app.datasets import folders",
            "folders.PATIENCE_SECONDS = 3",
            f"folders.Folders(Path({str(folder.parent)!r})).facts('large')",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=30, capture_output=True, text=True)
    assert "NotYet: Every file of 'large' is being read" in done.stderr
    until(lambda: not _readers(folder), "the end of who reads the folder")


def _readers(folder: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if str(folder) in (one.info["cmdline"] or ())]


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data" / "pets")
    (folder / "train" / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with Api(tmp_path, data_dir=tmp_path / "data") as api:
        is_problem(api.get("/v1/datasets/pets"), 422, "gone.png cannot be read")


def test_the_client_uploads(api: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("send") / "images.zip"
    path.write_bytes(image_zip())
    with Client(api.url) as client:
        assert client.upload(path, "mine").name == "mine"
        assert next(client.datasets()).name == "mine"


def test_a_zip_with_a_way_out_is_refused(api: Api) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../cat/1.png", png())
    is_problem(api.upload("mine", data.getvalue()), 422, "..")
    assert api.nothing_kept()

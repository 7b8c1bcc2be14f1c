"""What API and worker are told alike."""

from pathlib import Path

import pytest

from app.settings import Settings as ApiSettings
from winnow.jobs.backends import Backends
from worker.settings import Settings as WorkerSettings


def test_api_and_worker_read_the_same_of_where_things_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WINNOW_HOME", str(tmp_path))
    monkeypatch.setenv("WINNOW_DATA_DIR", "data")
    monkeypatch.setenv("WINNOW_S3_SECRET_KEY", "hush")
    api, worker = ApiSettings(), WorkerSettings()
    both = {name: (getattr(api, name), getattr(worker, name)) for name in Backends.model_fields}
    assert {name: values for name, values in both.items() if values[0] != values[1]} == {}
    assert api.model_fields_set == worker.model_fields_set
    assert (api.storage_url, api.data_dir) == (f"file://{tmp_path}/store", Path.cwd() / "data")
    assert set(ApiSettings.model_fields) & set(WorkerSettings.model_fields) == set(Backends.model_fields)


def test_the_store_is_the_one_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    ref = Backends(home=tmp_path).open_objects().put(tmp_path / "file")
    assert Backends(home=tmp_path).open_objects().exists(ref.sha256)
    assert any((tmp_path / "store").rglob(ref.sha256))

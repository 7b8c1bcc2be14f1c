"""What `winnow run` is given beside the job: a data set and a network of one's own, models of earlier runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from winnow.cli.spec_files import read_spec
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import SIZE, DatasetFacts, pixels
from winnow.contract.problems import InvalidSpec
from winnow.contract.reading import read
from winnow.contract.specs.brought import BROUGHT
from winnow.contract.specs.grammar import spelt_out

if TYPE_CHECKING:
    from winnow.artifact.uploads import UploadFacts
    from winnow.contract.units import Unit

OF_THE_JOB = {"name", "dropout"}
"""What a job may say of a network that is brought; all else is the network's own."""


class DataSets:
    """The data sets of a job by name: built in, a folder's, or, of all other names, the one that is uploaded."""

    def __init__(self, data_dir: Path | None, upload: Path | None, size: str | None) -> None:
        if size is not None and not re.fullmatch(SIZE, size):
            raise typer.BadParameter(f"{size!r} is no image size, as 32x32", param_hint="--size")
        self._data_dir, self._upload, self._size = data_dir, upload, size
        self._uploaded: str | None = None

    def facts(self, name: str) -> DatasetFacts:
        """What is known of one. Raises InvalidSpec, and what reading it raises."""
        if name in DATASETS:
            return DATASETS[name]
        if self._upload is None:
            return _folder(name, self._data_dir)
        if self._uploaded not in (None, name):
            raise InvalidSpec(f"--upload is one data set, and the job names two: {self._uploaded!r} and {name!r}")
        self._uploaded = name
        return _read(self._upload, self._size).facts(name)

    def check(self) -> None:
        """Refuse an upload that the job has no name for. Raises BadParameter."""
        if self._upload is not None and self._uploaded is None:
            raise typer.BadParameter(
                "the job names built-in data sets alone: give the upload a name of its own", param_hint="--upload"
            )


@dataclass(frozen=True)
class Network:
    """A brought network as a unit, or none; and the folder that holds the models of earlier runs."""

    unit: "Unit | None"
    out: Path

    def named(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The job, which begins with the network. Raises InvalidSpec where it would begin with something else."""
        if self.unit is None:
            return dict(sent)
        name, architecture = self.unit.model_id, self.unit.network.architecture
        asked, sweep = spelt_out(sent.get("model", name)), sent.get("sweep")
        swept = [path for path in sweep if path.split(".")[0] == "model"] if isinstance(sweep, dict) else []
        fits = isinstance(asked, dict) and asked.get("name", name) in (name, architecture)
        if not fits or set(asked) - OF_THE_JOB or set(swept) - {f"model.{field}" for field in OF_THE_JOB - {"name"}}:
            raise InvalidSpec(
                f"the job begins with the network of --weights, {architecture}: leave `model` out of it and of its "
                "sweep, but for its dropout"
            )
        return {**sent, "model": asked | {"name": name}}

    def units(self, model_id: str) -> "tuple[Unit, ...]":
        """The units behind a model: the network, or what an earlier run left in the folder. Raises NotFound."""
        from winnow.lottery.folder import Folder  # noqa: PLC0415 - help does not need it

        if self.unit is not None and model_id == self.unit.model_id:
            return (self.unit,)
        return Folder(self.out).units_behind(model_id)


def brought(weights: Path | None, network: Path | None, mask: Path | None) -> "Unit | None":
    """The unit of brought weights, if there are any."""
    from winnow.artifact.digest import file_ref  # noqa: PLC0415 - help does not need it
    from winnow.plan import brought  # noqa: PLC0415 - help does not need it

    if (weights is None) != (network is None) or (mask and weights is None):
        raise typer.BadParameter("--weights wants --network beside it, and --mask wants both")
    if weights is None or network is None:
        return None
    spec = read(BROUGHT, read_spec(network))
    return brought(spec, file_ref(weights).sha256, file_ref(mask).sha256 if mask else None)


def _read(upload: Path, size: str | None) -> "UploadFacts":
    from winnow.artifact.uploads import inspect_npz, inspect_zip  # noqa: PLC0415 - help does not need numpy

    if upload.suffix.lower() == ".npz":
        return inspect_npz(upload)
    return inspect_zip(upload, pixels(size) if size else None)


def _folder(name: str, data_dir: Path | None) -> DatasetFacts:
    from winnow.artifact.uploads import folder_of, inspect_folder  # noqa: PLC0415 - help does not need numpy

    if data_dir is None:
        known = ", ".join(sorted(DATASETS))
        raise InvalidSpec(f"there is no data set {name!r}: known are {known}; for others give --data-dir or --upload")
    return inspect_folder(folder_of(data_dir, name)).facts(name)

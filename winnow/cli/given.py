"""What `winnow run` is given beside the job: data sets and a network of one's own, models of earlier runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from winnow.cli.options import check_size
from winnow.cli.own_weights import explained
from winnow.cli.spec_files import read_spec
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts, pixels
from winnow.contract.hints import no_dataset
from winnow.contract.names import NAME
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
    """The data sets of a job by name: built in, uploaded, or a folder's."""

    def __init__(self, data_dir: Path | None, uploads: Sequence[str], size: str | None) -> None:
        check_size(size)
        self._data_dir, self._size = data_dir, size
        self._named = set[str]()
        self.uploads = dict(map(_upload, uploads))
        if len(self.uploads) < len(uploads):
            raise typer.BadParameter("two files have one name: give NAME=FILE", param_hint="--upload")

    def facts(self, name: str) -> DatasetFacts:
        """What is known of one. Raises InvalidSpec, and what reading it raises."""
        self._named.add(name)
        if name in self.uploads:
            return _read(self.uploads[name], self._size).facts(name)
        if name in DATASETS:
            return DATASETS[name]
        if self._data_dir is None:
            said = no_dataset(name, {*DATASETS, *self.uploads})
            raise InvalidSpec(f"{said} For others give --data-dir or --upload.")
        return _folder(name, self._data_dir)

    def check(self) -> None:
        """Refuse an upload that the job does not name. Raises BadParameter."""
        if left := sorted(self.uploads.keys() - self._named):
            raise typer.BadParameter(
                f"the job names no data set {left[0]!r}: give NAME=FILE with the name that it has",
                param_hint="--upload",
            )


def _upload(given: str) -> tuple[str, Path]:
    """Name and file of NAME=FILE, or of FILE, whose name is that of the data set. Raises BadParameter."""
    name, equals, file = given.partition("=")
    path = Path(file) if equals and re.fullmatch(NAME, name) else Path(given)
    name = name if path != Path(given) else path.stem
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {str(path)!r}", param_hint="--upload")
    if name in DATASETS:
        raise typer.BadParameter(
            f"{name!r} is a built-in data set: give yours a name of its own", param_hint="--upload"
        )
    return name, path


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

    if weights is None:
        if network or mask:
            raise typer.BadParameter("--network and --mask belong to --weights: give it as well")
        return None
    said = explained(weights, read_spec(network) if network else {})
    if not said:
        raise typer.BadParameter(f"{weights} does not say what its network is: give --network (docs/models.md)")
    spec = read(BROUGHT, said)
    return brought(spec, file_ref(weights).sha256, file_ref(mask).sha256 if mask else None)


def _read(upload: Path, size: str | None) -> "UploadFacts":
    from winnow.artifact.uploads import inspect_npz, inspect_zip  # noqa: PLC0415 - help does not need numpy

    if upload.suffix.lower() == ".npz":
        return inspect_npz(upload)
    return inspect_zip(upload, pixels(size) if size else None)


def _folder(name: str, data_dir: Path) -> DatasetFacts:
    from winnow.artifact.uploads import folder_of, inspect_folder  # noqa: PLC0415 - help does not need numpy

    return inspect_folder(folder_of(data_dir, name)).facts(name)

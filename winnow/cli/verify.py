"""`winnow verify`: whether a certificate is as it was written, and whether files are those that it names."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from winnow.cli.options import AsJson
from winnow.cli.output import people, print_json


def verify(
    certificate: Annotated[Path, typer.Argument(exists=True, help="A `certificate.json`, or its folder.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, help="Files that are to be its networks', or a model's folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a certificate by its own checksum, and files by those in it; the exit code is 1 unless all is right.

    A folder, as `winnow download` makes it, stands for the certificate and the model's files in it.
    """
    from winnow.artifact.certificate import files_by_sha256, read_certificate  # noqa: PLC0415 - help does not need it
    from winnow.artifact.digest import file_ref  # noqa: PLC0415 - help does not need it

    checked = [path for given in files or () for path in _files(given)]
    if certificate.is_dir():
        checked = checked or _models(certificate)
        certificate /= "certificate.json"
    named = files_by_sha256(read_certificate(certificate))
    found = {path: named.get(file_ref(path).sha256, []) for path in checked}
    if as_json:
        print_json({"certificate": str(certificate), "files": {str(path): what for path, what in found.items()}})
    else:
        people().print(f"{certificate} is as it was written", soft_wrap=True)
        for path, what in found.items():
            people().print(Text.assemble(f"{path} is ", _said(what)), soft_wrap=True)
    raise typer.Exit(not all(found.values()))


def _files(given: Path) -> list[Path]:
    """The file itself, or those of a model in a folder. Raises BadParameter where it has none."""
    found = _models(given) if given.is_dir() else [given]
    if not found:
        raise typer.BadParameter(f"{given} has no file of a model")
    return found


def _models(folder: Path) -> list[Path]:
    from winnow.artifact.model import FILE_KINDS  # noqa: PLC0415 - help does not need it

    return [path for name in FILE_KINDS if (path := folder / name).exists()]


def _said(what: list[str]) -> Text:
    if not what:
        return Text("none of its networks' files: changed, or of another job", "red")
    more = f", and the same in {len(what) - 1} more" if what[1:] else ""
    return Text(f"{what[0]}{more}")

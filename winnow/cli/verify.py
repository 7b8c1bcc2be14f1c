"""`winnow verify`: whether a certificate is as it was written, and whether files are those that it names."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from winnow.cli.options import AsJson
from winnow.cli.output import people, print_json


def verify(
    certificate: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A `certificate.json`.")],
    files: Annotated[
        list[Path] | None, typer.Argument(exists=True, dir_okay=False, help="Files that are to be its networks'.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a certificate by its own checksum, and files by those in it; the exit code is 1 unless all is right."""
    from winnow.artifact.certificate import files_by_sha256, read_certificate  # noqa: PLC0415 - help does not need it
    from winnow.artifact.digest import file_ref  # noqa: PLC0415 - help does not need it

    named = files_by_sha256(read_certificate(certificate))
    found = {path: named.get(file_ref(path).sha256) for path in files or ()}
    if as_json:
        print_json({"certificate": str(certificate), "files": {str(path): what for path, what in found.items()}})
    else:
        people().print(f"{certificate} is as it was written", soft_wrap=True)
        for path, what in found.items():
            said = what or Text("none of its networks' files: changed, or of another job", "red")
            people().print(Text.assemble(f"{path} is ", said), soft_wrap=True)
    raise typer.Exit(None in found.values())

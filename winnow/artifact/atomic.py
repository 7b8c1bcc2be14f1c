"""Files that are there whole or not at all."""

import secrets
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes `parts` one after another under another name in the same folder, then renames it to `path`.

    Nothing is left behind when it fails. There is no fsync: a file lost with the power is made again.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.writelines(parts)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

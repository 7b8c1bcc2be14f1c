"""Objects that tests put into a store."""

import tempfile
from pathlib import Path

from winnow.contract.results import FileRef
from winnow.storage import Objects


def put_bytes(objects: Objects, data: bytes) -> FileRef:
    """Store these bytes, as the file that they are in."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return objects.put(Path(file.name))

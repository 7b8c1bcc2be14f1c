"""What a file of weights says of its network: those that Winnow writes have it in their metadata (docs/formats.md)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from winnow.contract.problems import InvalidFile


def explained(weights: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a network, as a `BroughtSpec` is sent; what is not, as its file says it, if it says anything."""
    own = _own(weights)
    images = said.get("input") or {}
    both = {"input": own["input"] | images} if "input" in own and isinstance(images, Mapping) else {}
    return {**own, **said, **both}


def _own(weights: Path) -> dict[str, Any]:
    from winnow.artifact.header import Header  # noqa: PLC0415 - help does not need numpy
    from winnow.artifact.weights import read_metadata  # noqa: PLC0415 - help does not need numpy

    try:
        header = Header.of_metadata(read_metadata(weights))
    except InvalidFile:
        return {}  # another program's; what is wrong with the file itself is told by who reads the weights
    images = header.preprocessing.model_dump(mode="json", exclude={"resize"})
    return {"architecture": header.architecture, "classes": list(header.classes), "input": images}

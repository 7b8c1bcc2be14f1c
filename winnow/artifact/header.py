"""What a model's files say of it besides the values."""

from pydantic import ValidationError

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.values import Record, canonical_json


class Provenance(Record):
    """What made a model. It names no job and no time, so that one recipe gives the same bytes wherever it runs."""

    unit: str
    fingerprint: str
    torch: str
    numerics: str
    replicate: int
    level: int


class Header(Record):
    """What a reader has to know."""

    architecture: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    provenance: Provenance

    def metadata(self) -> dict[str, str]:
        """Its fields as JSON texts: the metadata of `model.onnx` and `weights.safetensors`."""
        return {name: canonical_json(value).decode() for name, value in self.model_dump(mode="json").items()}


def what_is_wrong(error: ValidationError) -> str:
    """The first thing that a header lacks, in one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]

"""What a model's files say of it besides the values."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.problems import InvalidFile
from winnow.contract.values import Record, canonical_json


class Provenance(Record):
    """What made a model. It names no job and no time, so that one recipe gives the same bytes wherever it runs."""

    unit: str
    fingerprint: str | None
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

    @classmethod
    def of_metadata(cls, texts: Mapping[str, str]) -> "Header":
        """The header that `metadata` wrote. Raises InvalidFile."""
        try:
            return cls.model_validate({name: json.loads(texts[name]) for name in cls.model_fields})
        except ValidationError as error:
            raise InvalidFile(f"these are no weights of Winnow's: {what_is_wrong(error)}") from error
        except (KeyError, ValueError) as error:
            raise InvalidFile("these are no weights of Winnow's: their metadata is not whole") from error


def what_is_wrong(error: ValidationError) -> str:
    """The first thing that a header lacks, in one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]

"""What is known of a data set once it was looked through, and what it must be to be trained on."""

from typing import Literal

from pydantic import Field

from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import MAX_DECODED, DatasetFacts
from winnow.contract.problems import Conflict, InvalidFile
from winnow.contract.specs.choices import MAX_NAMES
from winnow.contract.values import Value, canonical_json

MAX_CLASSES = 10_000


class UploadFacts(Value):
    """The content of a data set; with a name and a place it becomes `DatasetFacts`."""

    format: Literal["zip", "npz", "folder"] = Field(description="How the content is laid out.")
    fingerprint: str = Field(description="SHA-256 over names and contents: see winnow.artifact.uploads.fingerprint.")
    classes: tuple[str, ...] = Field(description="Class names by index.")
    channels: int = Field(description="1 if no image has colour, else 3.")
    size: tuple[int, int] = Field(description="Height and width that images have or are resized to.")
    sizes_differ: bool | None = Field(None, description="Whether images of a folder differ in size; null: no.")
    counts: tuple[int, ...] = Field(description="Images per class, without those of the test set.")
    test_counts: tuple[int, ...] | None = Field(description="Images per class in the data set's own test set, if any.")

    def facts(self, name: str, stored: str | None = None) -> DatasetFacts:
        """The facts of a folder called `name`, or of an upload that is stored under the SHA-256 `stored`."""
        source: Literal["upload", "folder"] = "folder" if self.format == "folder" else "upload"
        return DatasetFacts(
            name=name, source=source, object=stored, superclasses=_superclasses(self.fingerprint), **self.model_dump()
        )


def _superclasses(fingerprint: str) -> tuple[int, ...] | None:
    """Those of the known data set with this very content: its results are shared, and coarse accuracy is in them."""
    return next((known.superclasses for known in DATASETS.values() if known.fingerprint == fingerprint), None)


def checked(facts: UploadFacts) -> UploadFacts:
    """The facts, if three splits can be made of them and, for an upload, memory can hold them.

    Raises InvalidFile.
    """
    _check_classes(facts)
    sizes = facts.facts("").sizes()
    if min(sizes) < 1:
        raise InvalidFile(
            f"{sum(sizes)} images are too few: of {sizes.train} + {sizes.validation} + {sizes.test} for training, "
            "validation and test none may be 0; send at least 10"
        )
    decoded = facts.facts("").decoded
    if facts.format != "folder" and decoded > MAX_DECODED:
        raise InvalidFile(
            f"the images have {decoded:,} bytes when decoded, more than {MAX_DECODED:,}: send smaller or fewer ones, "
            "or lay the folder under WINNOW_DATA_DIR"
        )
    return facts


def unchanged(facts: DatasetFacts, fingerprint: str) -> None:
    """Raises Conflict unless what was read just now has the fingerprint that the facts were made with."""
    if fingerprint != facts.fingerprint:
        raise Conflict(
            f"data set {facts.name!r} has changed since the job was submitted: its fingerprint was "
            f"{facts.fingerprint[:16]}… and is {fingerprint[:16]}…; put the old files back, or submit the job again"
        )


def _check_classes(facts: UploadFacts) -> None:
    if len(facts.classes) < 2:
        raise InvalidFile(f"there is only one class, {facts.classes[0]!r}: a classifier wants two or more")
    if len(facts.classes) > MAX_CLASSES:
        raise InvalidFile(f"there are {len(facts.classes):,} classes, more than {MAX_CLASSES:,}: send fewer")
    if (names := len(canonical_json(list(facts.classes)))) > MAX_NAMES:
        raise InvalidFile(
            f"the names of the classes have {names:,} bytes together, more than {MAX_NAMES:,}: shorten them"
        )
    for name, count in zip(facts.classes, facts.counts, strict=True):
        if count < 2:
            raise InvalidFile(f"class {name!r} has {count} image(s) to train on: give each class two or more")

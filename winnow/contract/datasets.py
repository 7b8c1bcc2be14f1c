"""What is known of a data set without opening it, and the sizes of its three splits.

A job may take less than all of it. Some of its classes: `classes` and `counts` are then those taken, in the order that
the job gives, and `subset_of` is the whole. The whole is split, and classes are taken from its splits: what is a test
image of the whole is one of every subset, so that a network of the one can be judged, or trained on, by the other.
A fraction of the training split: of each class so many images, the first in an order that the job's seed decides, so
that a small fraction lies in a larger one. Validation and test stay whole.
Another size or other channels: they stand in the facts that are loaded by, as those of the images on their way in.
None of it changes the fingerprint, which is the content's; a recipe holds each beside it.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from pydantic import Field

from winnow.contract.counts import round_half_up, spread
from winnow.contract.values import Exact, Value

TEST_FRACTION = Decimal("0.2")
VALIDATION_FRACTION = Decimal("0.1")
MAX_DECODED = 4 * 2**30
"""Bytes of an upload's pixels: training holds them all in memory, which it need not with a folder's."""


SIZE = r"[1-9]\d{0,3}(x[1-9]\d{0,3})?"
"""How people write an image size: `32`, or `24x32`, height × width."""


def pixels(size: str) -> tuple[int, int]:
    """Height and width of such a text."""
    height, _, width = size.partition("x")
    return int(height), int(width or height)


class SplitSizes(NamedTuple):
    """Images in each split."""

    train: int
    validation: int
    test: int


class ClassCounts(NamedTuple):
    """Images of each class in each split."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


class DatasetFacts(Value):
    """A data set as a spec resolves it: what it is (fingerprint) and where it is kept (source)."""

    name: str = Field(description="The name or id that the spec asked for.")
    fingerprint: str = Field(description="SHA-256 over class names and contents.")
    source: Literal["builtin", "upload", "folder"] = Field(description="Shipped or known, uploaded, or a folder.")
    format: Literal["builtin", "zip", "npz", "folder"] = Field(description="How the content is laid out.")
    object: str | None = Field(None, description="SHA-256 of the stored upload.")
    classes: tuple[str, ...] = Field(description="Class names by index.")
    channels: int = Field(description="Channels of an image: 1 or 3.")
    size: tuple[int, int] = Field(description="Height and width of an image in pixels.")
    sizes_differ: bool | None = Field(
        None, description="Images differ in size, `size` is one of them: a job says what to resize all to. Null: no."
    )
    counts: tuple[int, ...] = Field(description="Images per class, without those of an official test set.")
    test_counts: tuple[int, ...] | None = Field(None, description="Images per class in the official test set, if any.")
    superclasses: tuple[int, ...] | None = Field(
        None, description="The index of each class's superclass, where classes are grouped: coarse accuracy goes by it."
    )

    subset_of: "DatasetFacts | None" = Field(None, description="The whole data set, where only some classes are taken.")
    fraction: Exact = Field(Decimal(1), description="Share of the training split that is trained on.")

    @property
    def decoded(self) -> int:
        """Bytes of all pixels of the whole."""
        images = sum(self.whole.counts) + sum(self.whole.test_counts or ())
        return images * self.channels * self.size[0] * self.size[1]

    @property
    def whole(self) -> "DatasetFacts":
        """The data set with all its classes: what is loaded, held against the fingerprint, and split."""
        return self.subset_of or self

    @property
    def subset(self) -> tuple[int, ...] | None:
        """The place in the whole of each class that is taken, None for all of them."""
        if self.subset_of is None:
            return None
        place_of = {name: place for place, name in enumerate(self.subset_of.classes)}
        return tuple(place_of[name] for name in self.classes)

    def class_counts(self) -> ClassCounts:
        """Images of each class in the three splits; the lottery draws exactly these."""
        counts, tested = self.whole.counts, self.whole.test_counts
        test = tested or split_counts(counts, TEST_FRACTION)
        rest = counts if tested else _less(counts, test)
        validation = split_counts(rest, VALIDATION_FRACTION)
        train = tuple(round_half_up(Fraction(self.fraction) * count) for count in _less(rest, validation))
        parts = (train, validation, test)
        places = range(len(counts)) if self.subset is None else self.subset
        return ClassCounts(*(tuple(part[place] for place in places) for part in parts))

    def sizes(self) -> SplitSizes:
        """Sizes of the three splits."""
        return SplitSizes(*map(sum, self.class_counts()))


def split_counts(counts: tuple[int, ...], fraction: Decimal) -> tuple[int, ...]:
    """How many of each class go into a stratified part of `fraction` of the whole: largest remainder."""
    quotas = [Fraction(fraction) * count for count in counts]
    return spread(round_half_up(Fraction(fraction) * sum(counts)), quotas, counts)


def _less(counts: tuple[int, ...], taken: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(count - part for count, part in zip(counts, taken, strict=True))

"""What is known of a data set without opening it, and the sizes of its three splits."""

from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from pydantic import Field

from winnow.contract.counts import round_half_up, spread
from winnow.contract.values import Value

TEST_FRACTION = Decimal("0.2")
VALIDATION_FRACTION = Decimal("0.1")


class SplitSizes(NamedTuple):
    """Images in each split."""

    train: int
    validation: int
    test: int


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
    counts: tuple[int, ...] = Field(description="Images per class, without those of an official test set.")
    test_counts: tuple[int, ...] | None = Field(None, description="Images per class in the official test set, if any.")

    def sizes(self) -> SplitSizes:
        """Sizes of the three splits; the lottery draws exactly these."""
        test = self.test_counts or split_counts(self.counts, TEST_FRACTION)
        rest = self.counts if self.test_counts else tuple(c - t for c, t in zip(self.counts, test, strict=True))
        validation = split_counts(rest, VALIDATION_FRACTION)
        return SplitSizes(sum(rest) - sum(validation), sum(validation), sum(test))


def split_counts(counts: tuple[int, ...], fraction: Decimal) -> tuple[int, ...]:
    """How many of each class go into a stratified part of `fraction` of the whole: largest remainder."""
    quotas = [Fraction(fraction) * count for count in counts]
    return spread(round_half_up(Fraction(fraction) * sum(counts)), quotas, counts)

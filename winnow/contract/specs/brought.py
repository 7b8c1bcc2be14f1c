"""What is said of weights that somebody brings."""

from decimal import Context, Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from winnow.contract.specs.choices import MAX_NAMES, ClassName, Pixels
from winnow.contract.values import Exact, Value, canonical_json


def _in_fifteen_digits(sent: Any) -> Any:
    """A measured number, rounded: a float may print with seventeen digits, and images are computed in float32."""
    if isinstance(sent, bool) or not isinstance(sent, int | float | str | Decimal):
        return sent
    try:
        return Context(prec=15).create_decimal(str(sent))
    except ArithmeticError:  # no number, or one beyond all exponents
        return sent


Measured = Annotated[Exact, BeforeValidator(_in_fifteen_digits)]


class ModelInput(Value):
    """The images that the network was trained on."""

    channels: Literal[1, 3] = Field(description="1: grey. 3: RGB.")
    size: tuple[Pixels, Pixels] = Field(description="Height and width.")
    mean: tuple[Measured, ...] = Field(description="Per channel, of pixel ÷ 255: what was subtracted.")
    std: tuple[Annotated[Measured, Field(gt=0)], ...] = Field(description="Per channel, of pixel ÷ 255: the divisor.")

    @model_validator(mode="after")
    def _one_of_each_per_channel(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"{self.channels} channel(s) want as many numbers in mean and std")
        return self


class BroughtSpec(Value):
    """A network that comes with its weights."""

    architecture: str = Field(min_length=1, max_length=200, description="See GET /v1/architectures.")
    classes: tuple[ClassName, ...] = Field(
        min_length=2,
        max_length=100_000,
        description="Class names by the index of their logit; jobs match them by name.",
    )
    input: ModelInput
    zeros: Literal["masked"] | None = Field(
        None, description="Take weights that are 0 for masked positions. Else only a mask file masks."
    )

    @model_validator(mode="after")
    def _classes_once(self) -> Self:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("name each class once")
        if (names := len(canonical_json(list(self.classes)))) > MAX_NAMES:
            raise ValueError(f"the names of the classes have {names:,} bytes together, more than {MAX_NAMES:,}")
        return self


BROUGHT = TypeAdapter(BroughtSpec)

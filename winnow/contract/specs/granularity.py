"""What is pruned at once: single weights unless said, some of each group of weights, or whole channels."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from winnow.contract.specs.grammar import spelt_out
from winnow.contract.values import Value


class SemiStructured(Value):
    """N of each M consecutive inputs of a layer are kept; `"2:4"` is short for keep 2 of 4.

    2:4 is what NVIDIA's sparse tensor cores run: Mishra et al. 2021, arXiv:2104.08378.
    """

    name: Literal["n_m"] = "n_m"
    keep: int = Field(ge=1, le=31, description="Weights kept in each group.")
    of: int = Field(ge=2, le=32, description="Weights in a group: consecutive inputs, of a convolution at one pixel.")

    @model_validator(mode="after")
    def _some_go(self) -> Self:
        if self.keep >= self.of:
            raise ValueError(f"keep fewer than all {self.of} weights of a group")
        return self


class WholeChannels(Value):
    """Filters and units, each in every layer that makes it and with its slice in every layer that takes it in.

    The last channel of a layer stays, and so do classes and the image's own channels. Whole channels seldom sum up to
    the number of weights asked for: as few as reach it are masked.
    """

    name: Literal["channels"] = "channels"


def spelt_out_granularity(sent: Any) -> Any:
    """`"2:4"` as the choice that it is short for; other strings are names."""
    ratio = re.fullmatch(r"(\d{1,2}):(\d{1,2})", sent) if isinstance(sent, str) else None
    return {"name": "n_m", "keep": int(ratio[1]), "of": int(ratio[2])} if ratio else spelt_out(sent)


_Granularity = Annotated[SemiStructured | WholeChannels, Field(discriminator="name")]
Granularity = Annotated[_Granularity, BeforeValidator(spelt_out_granularity, json_schema_input_type=str | _Granularity)]


def is_semi_structured(sent: Any) -> bool:
    """Whether what was sent asks for N of M."""
    choice = spelt_out_granularity(sent)
    return isinstance(choice, SemiStructured) or (isinstance(choice, dict) and choice.get("name") == "n_m")

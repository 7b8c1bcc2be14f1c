"""The criteria by name: what they keep, where they come from, what they score unless a job says so."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from winnow.contract.values import Exact, Record


class CriterionEntry(Record):
    """A way to score weights."""

    name: str
    summary: str
    source: str
    at: Literal["trained", "rewind"] = Field("trained", description="Which values it scores unless a job says so.")
    rounds: int = Field(1, description="In how many rounds a level is pruned, scored again after each.")
    gates: bool = Field(True, description="Whether it can score networks whose channels are gated by sigmoids.")
    alpha: Exact | None = Field(None, description="The exponent of the cost unless a job says so; null: has none.")


_CRITERIA = (
    CriterionEntry(
        name="magnitude",
        summary="Keeps the weights of largest absolute value.",
        source="Han et al. 2015, arXiv:1506.02626",
    ),
    CriterionEntry(
        name="magnitude_per_cost",
        summary="Absolute value ÷ cost^alpha; the cost is how many multiplications a weight causes in a forward pass.",
        source="After Han et al. 2015, arXiv:1506.02626",
        alpha=Decimal(1),
    ),
    CriterionEntry(
        name="random",
        summary="Keeps weights at random: what the others have to beat.",
        source="Frankle & Carbin 2019, arXiv:1803.03635",
        at="rewind",
    ),
    CriterionEntry(
        name="snip",
        summary="Keeps the weights whose removal would change the loss most, by its gradient at the start.",
        source="Lee et al. 2019, arXiv:1810.02340",
        at="rewind",
    ),
    CriterionEntry(
        name="grasp",
        summary="Keeps the weights that the gradient's norm needs, by its second derivative at the start.",
        source="Wang et al. 2020, arXiv:2002.07376",
        at="rewind",
    ),
    CriterionEntry(
        name="synflow",
        summary="Keeps what most of the flow through the network passes, in 100 rounds and without data.",
        source="Tanaka et al. 2020, arXiv:2006.05467",
        at="rewind",
        rounds=100,
        gates=False,  # its image of ones and positive weights saturate them, so that whole layers would score 0
    ),
    CriterionEntry(
        name="taylor",
        summary="Keeps the weights with the largest squared first-order effect on the loss.",
        source="Molchanov et al. 2019, arXiv:1906.10771",
    ),
    CriterionEntry(
        name="magnitude_gradient",
        summary="Keeps the weights with the largest product of absolute value and mean absolute gradient.",
        source="Blalock et al. 2020, arXiv:2003.03033",
    ),
)

CRITERIA: dict[str, CriterionEntry] = {entry.name: entry for entry in _CRITERIA}

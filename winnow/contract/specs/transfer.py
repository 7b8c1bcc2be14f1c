"""A model, or a ticket, taken to another data set."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from winnow.contract.specs.training_job import Training
from winnow.contract.values import Exact

TransferArm = Literal[
    "mask_init", "mask_rewound", "mask_trained", "mask_random", "random_mask", "no_mask", "own_ticket"
]
TICKETS: tuple[TransferArm, ...] = ("mask_init", "mask_rewound", "mask_trained")
"""Ways to carry a ticket, by the values that it begins with; of those asked for the first is the job's ticket."""
CARRIED: tuple[TransferArm, ...] = (*TICKETS, "no_mask", "random_mask", "mask_random")
TRANSFER_ARMS: tuple[TransferArm, ...] = (*CARRIED, "own_ticket")

ModuleName = Annotated[str, Field(min_length=1, max_length=200)]


def _modules_are_a_list(sent: Any) -> Any:
    if isinstance(sent, str) and sent not in ("all", "head"):
        raise ValueError(f'give "all", "head", or the names of modules as a list: ["{sent}"]')
    if isinstance(sent, list | tuple) and not sent:
        raise ValueError('name a module at least, or say "head", which trains the head alone')
    return sent


Trainable = Annotated[
    Literal["all", "head"] | tuple[ModuleName, ...],
    BeforeValidator(
        _modules_are_a_list,
        json_schema_input_type=Literal["all", "head"] | Annotated[tuple[ModuleName, ...], Field(min_length=1)],
    ),
]


class TransferSpec(Training):
    """Train a model's network on another data set; what it begins with and what is trained of it is said here.

    Where the classes differ by name the head is a fresh one, dense and without a mask. Images are adapted to the size
    and channels of the model's own, and normalised as those were.
    """

    kind: Literal["transfer"] = "transfer"
    trainable: Trainable = Field(
        "all", description="`all`, `head`, or the names of modules that train beside the head: the rest is frozen."
    )
    fresh: tuple[ModuleName, ...] | None = Field(
        None,
        min_length=1,
        description="Modules that begin anew beside the head, as that does for other classes: their values are drawn, "
        "and no mask lies over them. They train.",
    )
    arms: tuple[TransferArm, ...] | None = Field(
        None,
        min_length=1,
        description="What the mask is laid over: the values at step 0 (`mask_init`), at the rewind point, after "
        "training, or fresh ones; the ticket's start under a random mask, or under none; and `own_ticket`, found on "
        "the data set itself as the model was. Unless given: of a ticket mask_trained, no_mask, random_mask and "
        "mask_random, of a dense model no_mask and mask_random.",
    )
    replicates: int = Field(3, ge=1, le=100, description="Whole experiments with other seeds; a verdict wants 3.")
    margin: Exact = Field(Decimal("0.5"), ge=0, le=100, description="Accuracy points a matching ticket may lose.")

    @model_validator(mode="after")
    def _arms_once(self) -> Self:
        if self.arms is not None and len(set(self.arms)) != len(self.arms):
            raise ValueError("name each arm once")
        if self.arms == ("own_ticket",):
            raise ValueError(
                "own_ticket is what a carried ticket is held against: name an arm beside it that carries something of "
                "the model, or ask for a prune job on the data set"
            )
        return self

    @model_validator(mode="after")
    def _equal_budgets(self) -> Self:
        if self.train.early_stopping is not None and len(self.arms or ()) != 1:
            raise ValueError("arms are compared at equal budgets: name one arm alone, or leave early_stopping out")
        return self

    @property
    def carried(self) -> tuple[TransferArm, ...]:
        """The arms that carry something of the model; `resolve` settles which where none are named."""
        return tuple(arm for arm in self.arms or () if arm != "own_ticket")

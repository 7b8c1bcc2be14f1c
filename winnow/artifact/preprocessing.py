"""How pixels become what a network sees: part of every model, the same numbers in training and in prediction."""

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, model_validator

from winnow.contract.values import Record


class Preprocessing(Record):
    """What is done to an image before the network sees it.

    Decoded to `channels` at `size`, then, per channel and in units of pixel ÷ 255, minus `mean`, divided by `std`.
    """

    channels: Literal[1, 3] = Field(description="1: grey (ITU-R 601 luma). 3: RGB.")
    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        description="Height and width in pixels."
    )
    mean: tuple[FiniteFloat, ...] = Field(description="Per channel, of pixel ÷ 255, over the training split.")
    std: tuple[Annotated[FiniteFloat, Field(gt=0)], ...] = Field(
        description="Per channel, of pixel ÷ 255, over the training split."
    )
    resize: Literal["bilinear"] = Field("bilinear", description="Antialiased, without regard to the aspect ratio.")

    @model_validator(mode="after")
    def _one_of_each_per_channel(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"{self.channels} channels want as many means and standard deviations")
        return self

    @property
    def scale(self) -> NDArray[np.float32]:
        """What a pixel value is multiplied with, per channel, before `shift` is added."""
        return np.asarray(1 / (255 * np.array(self.std)), dtype=np.float32)

    @property
    def shift(self) -> NDArray[np.float32]:
        """What a black pixel becomes, per channel."""
        return np.asarray(-np.array(self.mean) / np.array(self.std), dtype=np.float32)


def normalise(images: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """uint8 N×H×W×C images as the float32 N×C×H×W that the network takes.

    One product and one sum, each rounded to float32: training does the same two operations, so the bits are equal.
    """
    planes = np.ascontiguousarray(np.moveaxis(images, -1, 1), dtype=np.float32)
    planes *= preprocessing.scale[:, None, None]
    planes += preprocessing.shift[:, None, None]
    return planes

"""Batches that are asked for before they are wanted."""

from collections.abc import Callable
from typing import Self

from torch import Tensor

from winnow.lottery.data.decoders import Coming

AHEAD = 2
"""Batches on their way, or there, while one is in use: with that one, all that is ever held in memory."""


class Ahead:
    """Batches by number: taken one after another, and from any number on again.

    Left as a context, it gives up what is still on its way.
    """

    def __init__(
        self, chosen: Callable[[int], Tensor], ask: Callable[[Tensor], Coming], end: int | None = None
    ) -> None:
        """`chosen` are the places of a batch's images, `ask` begins it; `end`: how many batches there are, if known."""
        self._chosen = chosen
        self._ask = ask
        self._end = end
        self._coming: dict[int, tuple[Tensor, Coming]] = {}

    def take(self, number: int) -> tuple[Tensor, Coming]:
        """The places of a batch and its images, perhaps not whole yet; those behind it are on their way by then."""
        if number not in self._coming:
            self.forget()
        last = number + AHEAD if self._end is None else min(number + AHEAD, self._end - 1)
        for coming in range(number, last + 1):
            if coming not in self._coming:
                places = self._chosen(coming)
                self._coming[coming] = places, self._ask(places)
        return self._coming.pop(number)

    def forget(self) -> None:
        """Give up what is on its way."""
        for _, coming in self._coming.values():
            coming.forget()
        self._coming.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()

"""What reaches a slot while it works on a unit, beside what its runner says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lost:
    """The lease is somebody else's: write nothing."""


@dataclass(frozen=True)
class Unwanted:
    """Nobody wants the unit any more."""


@dataclass(frozen=True)
class ShutDown:
    """The worker ends: checkpoint and release."""


@dataclass(frozen=True)
class Stalled:
    """The runner has said nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class TooLarge:
    """The runner holds more memory than it may."""

    held: int
    allowed: int

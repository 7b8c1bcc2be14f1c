"""Whose promises a test holds: of all architectures, or of those that differ in depth and width alone of the first."""

from winnow.contract.catalog.architectures import ARCHITECTURES

OWN = tuple(name for name in ARCHITECTURES if "/" not in name)
THEIRS = tuple(name for name in ARCHITECTURES if "/" in name)
"""torchvision's: a test of all of them takes no more than their outlines, or `--every-architecture` to be asked for."""

KINDS = tuple({ARCHITECTURES[name].summary: name for name in reversed(THEIRS)}.values())[::-1]
"""Of torchvision's, the first of those that differ in depth and width alone."""

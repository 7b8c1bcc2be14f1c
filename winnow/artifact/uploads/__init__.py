"""Data sets that users bring: checked while they come in, read when they are trained on. No torch."""

from winnow.artifact.uploads.raw import RawImages

__all__ = ["RawImages"]

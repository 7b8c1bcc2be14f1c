"""Names that people give: of data sets, models and workers."""

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""A name that is one part of a path, whatever the system."""

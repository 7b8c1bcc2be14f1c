"""Times on the wire: RFC 3339 in UTC."""

from datetime import UTC, datetime


def time_of(seconds: float) -> datetime:
    """Seconds since 1970, as rows have them."""
    return datetime.fromtimestamp(seconds, UTC)


def time_or_none(seconds: float | None) -> datetime | None:
    """The same where there may be none."""
    return None if seconds is None else time_of(seconds)

"""Long lists of keys, in pieces that every database takes in one statement."""

from collections.abc import Iterable, Iterator
from itertools import islice

SIZE = 500


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """The keys, sorted, in lists of at most 500."""
    ordered = iter(sorted(keys))
    while some := list(islice(ordered, SIZE)):
        yield some

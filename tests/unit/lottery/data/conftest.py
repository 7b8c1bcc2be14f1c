"""Fixtures of the tests of data sets."""

from collections.abc import Iterator

import pytest

from tests.support.network import all_through


@pytest.fixture
def offline() -> Iterator[None]:
    """Whatever is asked of the network is refused at once."""
    with all_through("http://127.0.0.1:9"):  # discard, where nobody listens
        yield

"""Commands beside a service of canned answers."""

import pytest

import winnow.client
from tests.support.fake_service import FakeService


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """What every command of the test that asks a service asks."""
    fake = FakeService()
    monkeypatch.setattr(winnow.client, "Client", lambda _url, _key: fake.client())
    return fake

"""The HTTP client of a Winnow service, synchronous only."""

from winnow.client.client import DEFAULT_URL, Client
from winnow.client.errors import ClientError, Damaged, Refused, Unreachable
from winnow.client.events import Event

__all__ = ["DEFAULT_URL", "Client", "ClientError", "Damaged", "Event", "Refused", "Unreachable"]

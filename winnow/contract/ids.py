"""Identifiers: a kind, an underscore and 26 characters of Crockford's base32."""

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(kind: str) -> str:
    """A fresh, sortable id such as `job_…`: a UUIDv7 (RFC 9562) in base32."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return f"{kind}_{_base32(number)}"


def model_id(unit_key: str) -> str:
    """The id of the model that a unit makes: its name follows from its recipe, as its bytes do."""
    return f"mdl_{_base32(int(unit_key[:32], 16))}"


def is_model_id(name: str) -> bool:
    """Whether a name is a model's id, not an architecture's name."""
    return name.startswith("mdl_")


def _base32(number: int) -> str:
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))

"""What a worker holds while it works on a unit, and the fence that each of its writes has to pass."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_

from winnow.contract.results import FileRef
from winnow.contract.units import Unit
from winnow.db.tables import units
from winnow.jobs.attempts import Try

LEASE_SECONDS = 30.0

NO_CHECKPOINT = {
    "checkpoint_sha256": None,
    "checkpoint_bytes": None,
    "checkpoint_step": None,
    "checkpoint_numerics": None,
}


@dataclass(frozen=True)
class Claim:
    """One attempt at one unit, and what the runner needs for it."""

    unit: Unit
    tenant: str
    attempt: int
    worker: str
    lease_seconds: float
    checkpoint: FileRef | None
    """The last one committed, if it is of the worker's own numerics class."""
    parent_files: Mapping[str, Mapping[str, FileRef]]
    """Role → name → file."""
    uploads: Mapping[str, str]
    """Name → SHA-256 of the files that people sent and the unit reads."""


def attempt_of(claim: Claim) -> Try:
    """The attempt that a claim is."""
    return Try(claim.tenant, claim.unit.key, claim.attempt)


def held(claim: Claim) -> ColumnElement[bool]:
    """The fence: true for the unit's row as long as this attempt may write; nobody else passes it."""
    return and_(unit_of(claim.tenant, claim.unit.key), units.c.attempt == claim.attempt, units.c.state == "running")


def unit_of(tenant: str, key: str) -> ColumnElement[bool]:
    """The row of one unit."""
    return and_(units.c.tenant == tenant, units.c.key == key)

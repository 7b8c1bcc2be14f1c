"""Following a job: its events as they come, across lost connections and restarts of the service."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from winnow.client.connection import Connection
from winnow.client.errors import Refused, Unreachable
from winnow.client.events import Event, lines, parse
from winnow.contract.resources import TERMINAL, Job

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 1.0
REFRESH_SECONDS = 1.0


@dataclass
class Patience:
    """How long the service has been away, and when that is too long."""

    since: float = field(default_factory=time.monotonic)

    def renew(self) -> None:
        """It is there."""
        self.since = time.monotonic()

    def wait(self, failure: Exception) -> None:
        """Sleep before another try; raises the failure when it will not pass, or has not for a minute."""
        refusal = isinstance(failure, Refused) and failure.problem.status < httpx.codes.INTERNAL_SERVER_ERROR
        if refusal or time.monotonic() - self.since > PATIENCE_SECONDS:
            raise failure
        time.sleep(POLL_SECONDS)


def events(connection: Connection, job_id: str, after: str | None) -> Iterator[Event]:
    """The events after the one numbered `after`, to the job's end; taken up by Last-Event-ID when they break off."""
    patience = Patience()
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        try:
            with connection.stream(f"/v1/jobs/{job_id}/events", headers) as response:
                if response.status_code == httpx.codes.NO_CONTENT:
                    return
                for event in parse(lines(response.iter_bytes())):
                    patience.renew()
                    if event is None:
                        continue
                    after = event.id or after
                    yield event
                    if event.name == "job" and event.data.get("state") in TERMINAL:
                        return
        except httpx.TransportError as broken:
            patience.wait(Unreachable(connection.url, broken))
        except Refused as failure:
            patience.wait(failure)
        else:
            time.sleep(POLL_SECONDS)  # a service that shuts down ends its streams in good order


def follow(connection: Connection, job_id: str) -> Iterator[Job]:
    """The job now, then whenever something about it has changed, its end last.

    Events only say when to look: what is yielded is always the job itself. Where no events come through, it is asked
    for once a second.
    """
    job = read_job(connection, job_id)
    yield job
    while job.state not in TERMINAL:
        for _ in _changes(connection, job_id):
            job = _patiently(connection, job_id)
            yield job
            if job.state in TERMINAL:
                return


def read_job(connection: Connection, job_id: str) -> Job:
    """The job as it is now."""
    return connection.read(Job, "GET", f"/v1/jobs/{job_id}")


def _changes(connection: Connection, job_id: str) -> Iterator[None]:
    """Moments at which the job may have changed: at most one a second, but each change of state."""
    looked = 0.0
    try:
        for event in events(connection, job_id, None):
            if event.name == "job" or time.monotonic() - looked > REFRESH_SECONDS:
                yield
                looked = time.monotonic()
    except Refused:
        time.sleep(POLL_SECONDS)  # something between lets no stream through; should the job be gone, asking says so
    yield


def _patiently(connection: Connection, job_id: str) -> Job:
    """The job, also across a restart of the service."""
    patience = Patience()
    while True:
        try:
            return read_job(connection, job_id)
        except (Unreachable, Refused) as failure:
            patience.wait(failure)

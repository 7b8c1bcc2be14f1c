"""A job's events as server-sent events: resumable, with progress between them, closed after the last."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import format_sse_event
from sqlalchemy import Connection

from app.jobs.feed import Feed
from app.times import time_of
from winnow.contract.problems import Unavailable
from winnow.contract.resources import TERMINAL, Event, JobProgress
from winnow.db.types import AnyRow
from winnow.jobs.read import events_after

COMMENT_SECONDS = 10.0
BATCH = 200


def event_of(row: AnyRow) -> Event:
    """A row as an event: what it tells lies beside its number, time and job."""
    return Event(**(row.data | {"seq": row.seq, "event": row.event, "at": time_of(row.at), "job_id": row.job_id}))


def is_last(event: Event) -> bool:
    """Whether nothing comes after this one."""
    return event.event == "job" and (event.model_extra or {}).get("state") in TERMINAL


async def stream(feed: Feed, job_id: str, after: int) -> AsyncIterator[bytes]:
    """The events after a number, as they come; ends after the terminal one, or when the service stops.

    Where the database is away it ends too: the client comes back with the last id it saw.
    """
    shown: JobProgress | None = None
    try:
        async with feed.watch(job_id) as watch:
            while not feed.closed:
                pulse, changed = watch.pulse, watch.changed
                if pulse.progress != shown:
                    shown = pulse.progress
                    yield format_sse_event(event="progress", data_str=shown.model_dump_json())
                while after < pulse.last_event:
                    for event in await feed.read(_batch(job_id, after)):
                        yield _encoded(event)
                        after = event.seq
                        if is_last(event):
                            return
                if not await _within(changed, COMMENT_SECONDS):
                    yield format_sse_event(comment="still here")
    except Unavailable:
        return


def _batch(job_id: str, after: int) -> Any:
    def query(conn: Connection) -> list[Event]:
        return [event_of(row) for row in events_after(conn, job_id, after, BATCH)]

    return query


def _encoded(event: Event) -> bytes:
    data = event.model_dump(mode="json", exclude={"event"})
    return format_sse_event(event=event.event, id=str(event.seq), data_str=json.dumps(data))


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        return False
    return True

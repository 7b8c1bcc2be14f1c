"""Upkeep, presence, and the thread that they run in."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select, update

from tests.support.fabricated import fabricated
from tests.support.fake_units import Behaviour
from tests.support.flaky import FlakyDatabase
from tests.support.objects import put_bytes
from tests.support.workers import eventually
from tests.support.workplaces import Rows
from winnow.contract.problems import Conflict, Unavailable
from winnow.db.tables import objects, units, workers
from winnow.jobs.claim import Room, claim
from winnow.jobs.commit import commit
from winnow.jobs.objects import touch
from winnow.jobs.settle import settle
from winnow.jobs.workers import Registration, find
from worker.duties.duty import Duty
from worker.duties.presence import Presence, host, process
from worker.duties.upkeep import Upkeep
from worker.workplace import Workplace

HERE = Registration("one", "run_new", "cpu", 1, 1, 0, "cpu-fake", host(), process(os.getpid()))


@pytest.fixture
def upkeep(place: Workplace, rows: Rows) -> Upkeep:
    return Upkeep(rows.database, place.objects, place.ring, grace_seconds=0.0)


def take(rows: Rows, lease_seconds: float = 30.0) -> object:
    with rows.database.write() as conn:
        return claim(conn, worker="one", room=Room("cpu", 1), lease_seconds=lease_seconds)


def test_a_lease_that_ran_out_is_a_loss(rows: Rows, upkeep: Upkeep) -> None:
    rows.submit(Behaviour.FINISHES)
    take(rows, lease_seconds=-1.0)
    upkeep.round()
    assert (rows.unit().state, rows.unit().losses) == ("ready", 1)


def test_after_the_database_was_away_leases_get_a_chance_to_be_renewed(place: Workplace, rows: Rows) -> None:
    database = FlakyDatabase(rows.database)
    upkeep = Upkeep(database, place.objects, place.ring, grace_seconds=0.0)
    rows.submit(Behaviour.FINISHES)
    take(rows, lease_seconds=-1.0)
    database.away_from_write(1)
    with pytest.raises(Unavailable):
        upkeep.round()
    database.come_back()
    upkeep.round()
    assert (rows.unit().state, rows.unit().losses) == ("running", 0)


def test_upkeep_that_begins_gives_them_that_chance_too(place: Workplace, rows: Rows) -> None:
    """What ended its predecessor may have kept the heartbeats of all others from the database."""
    rows.submit(Behaviour.FINISHES)
    take(rows, lease_seconds=-1.0)
    Upkeep(rows.database, place.objects, place.ring).round()
    assert (rows.unit().state, rows.unit().losses) == ("running", 0)


def test_after_this_machine_was_suspended_too(rows: Rows, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch) -> None:
    rows.submit(Behaviour.FINISHES)
    take(rows)
    upkeep.round()
    woken = time.time() + 60
    with rows.database.write() as conn:
        conn.execute(update(units).values(lease_until=0.0))
    monkeypatch.setattr(time, "time", lambda: woken)
    for _ in range(2):
        upkeep.round()
        assert (rows.unit().state, rows.unit().losses) == ("running", 0)


def test_missed_starts_and_settles_are_made_good(rows: Rows, upkeep: Upkeep) -> None:
    job = rows.submit(Behaviour.FINISHES)
    mine = take(rows)
    upkeep.round()
    assert rows.job(job).state == "running"
    with rows.database.write() as conn:
        assert commit(conn, mine, fabricated(mine.unit, {}))  # type: ignore[arg-type, attr-defined]  # a claim
    upkeep.round()
    assert rows.job(job).state == "succeeded"


def test_a_job_that_cannot_be_settled_keeps_no_other_from_it(
    rows: Rows, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [rows.submit(Behaviour.FINISHES), rows.submit(Behaviour.FINISHES)]
    held = take(rows)
    with rows.database.write() as conn:
        commit(conn, held, fabricated(held.unit, {}))  # type: ignore[arg-type, attr-defined]  # a claim

    def one_of_them(conn: Connection, job_id: str) -> None:
        if job_id == jobs[0]:
            raise KeyError("a defect")
        settle(conn, job_id)

    monkeypatch.setattr("worker.duties.upkeep.settle", one_of_them)
    upkeep.round()
    assert [rows.job(job).state for job in jobs] == ["queued", "succeeded"]


def test_it_rings_where_a_slot_is_free_for_a_unit_and_else_not(rows: Rows, upkeep: Upkeep) -> None:
    upkeep.round()
    assert rows.rings == []
    rows.submit(Behaviour.FINISHES, steps=100)
    rows.submit(Behaviour.FINISHES, steps=101)
    upkeep.round()
    assert rows.rings == ["cpu"]
    take(rows)
    upkeep.round()
    assert rows.rings == ["cpu"]


def test_a_superseded_checkpoint_is_deleted_with_its_row(place: Workplace, rows: Rows, upkeep: Upkeep) -> None:
    ref = put_bytes(place.objects, b"an old checkpoint")
    with rows.database.write() as conn:
        touch(conn, ref.sha256, ref.bytes)
        conn.execute(update(objects).values(checkpoint=True, touched_at=0.0))
    upkeep.round()
    assert not place.objects.exists(ref.sha256)
    with rows.database.write() as conn:
        touch(conn, ref.sha256, ref.bytes)  # refused while the row of a deleted object is there


def test_a_round_that_takes_too_long_leaves_the_rest_to_a_later_one(
    place: Workplace, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = [put_bytes(place.objects, word) for word in (b"one", b"two")]
    with rows.database.write() as conn:
        for ref in refs:
            touch(conn, ref.sha256, ref.bytes)
        conn.execute(update(objects).values(touched_at=0.0))
    waking = time.time() + 3600

    class Suspended:
        """A store of a machine that is suspended behind the first object."""

        def delete(self, name: str) -> None:
            place.objects.delete(name)
            monkeypatch.setattr(time, "time", lambda: waking)

    Upkeep(rows.database, Suspended(), place.ring).round()  # type: ignore[arg-type]  # all that upkeep asks of a store
    assert [place.objects.exists(ref.sha256) for ref in refs].count(True) == 1
    with rows.database.read() as conn:
        (left,) = conn.scalars(select(objects.c.sha256))
    assert place.objects.exists(left), "the row of what was deleted is gone, the other's is not"


def test_a_predecessor_on_this_host_whose_process_is_gone_is_replaced_at_once(rows: Rows) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    dead = replace(HERE, session="run_old", process=process(gone.pid))
    gone.wait()
    Presence(rows.database, dead, _never).register()
    rows.submit(Behaviour.FINISHES)
    take(rows)
    begun = time.monotonic()
    Presence(rows.database, HERE, _never).register()
    assert time.monotonic() - begun < 2
    assert (rows.unit().state, rows.unit().losses) == ("ready", 1)


def test_a_second_worker_under_a_living_name_is_refused(rows: Rows) -> None:
    living = replace(HERE, session="run_old")
    Presence(rows.database, living, _never).register()
    with pytest.raises(Conflict, match="another name"):
        Presence(rows.database, HERE, _never).register()


def test_a_silent_predecessor_elsewhere_is_replaced_and_one_that_is_seen_is_not(rows: Rows) -> None:
    elsewhere = replace(HERE, session="run_old", host="elsewhere")
    Presence(rows.database, elsewhere, _never).register()
    seen = Duty("seen", Presence(rows.database, elsewhere, _never).seen, 0.2)
    seen.start()
    with pytest.raises(Conflict):
        Presence(rows.database, HERE, _never, silence_seconds=1.0).register()
    seen.stop()
    eventually(lambda: all(thread.name != "seen" for thread in threading.enumerate()), 10, "the end of its thread")
    Presence(rows.database, HERE, _never, silence_seconds=1.0).register()
    with rows.database.read() as conn:
        row = find(conn, "one")
    assert row is not None
    assert row.session == "run_new"


def test_a_worker_whose_name_was_taken_ends(rows: Rows) -> None:
    ended: list[bool] = []
    mine = Presence(rows.database, HERE, lambda: ended.append(True))
    mine.register()
    mine.seen()
    assert ended == []
    with rows.database.write() as conn:
        conn.execute(update(workers).values(session="run_other"))
    mine.seen()
    assert ended == [True]


def test_goodbye_frees_the_name(rows: Rows) -> None:
    first = Presence(rows.database, replace(HERE, session="run_old"), _never)
    first.register()
    first.gone()
    Presence(rows.database, HERE, _never).register()


def test_a_duty_goes_on_after_trouble_and_ends_when_told() -> None:
    calls: list[int] = []
    enough = threading.Event()

    def act() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise Unavailable("away")
        if len(calls) == 2:
            raise LookupError("a bug")
        enough.set()

    duty = Duty("test", act, 0.01)
    duty.start()
    assert enough.wait(10)
    duty.stop()
    eventually(lambda: "test" not in {thread.name for thread in threading.enumerate()}, 10, "the thread's end")


def _never() -> None:
    raise AssertionError("nobody took the name")

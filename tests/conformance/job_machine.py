"""The job protocol as a state machine: jobs that share units, every transition in any order, over the real SQL.

After every step the rows must be what the rules say; in the end, working on brings every live job to one end.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from sqlalchemy import Connection, func, select

from tests.support.driver import Driver, empty, prune, train
from tests.support.state_table import moves
from winnow.contract.problems import Reason
from winnow.contract.resources import TERMINAL
from winnow.contract.results import UnitResult
from winnow.db.engine import Database
from winnow.db.tables import attempts, events, job_units, jobs, units
from winnow.db.types import AnyRow
from winnow.jobs.lease import Claim
from winnow.jobs.lose import take_back
from winnow.jobs.progress import fraction
from winnow.jobs.settle import settle, unsettled
from winnow.jobs.states import WANTING

# They share the first training, most of the chain, or nothing; 0.3 lies off the grid of the rate.
SPECS = (
    train(),
    train(seed=1),
    prune(0.2),
    prune(0.36),
    prune(0.36, "random_mask"),
    prune(0.3, "random_reinit", replicates=2),
)
WORKERS = ("one", "two")
HOURS = 1e5
T = TypeVar("T")


class Rows(NamedTuple):
    """Everything that the rules speak of, at one moment."""

    jobs: list[AnyRow]
    units: list[AnyRow]
    job_units: list[AnyRow]
    attempts: list[AnyRow]


class WatchingDriver(Driver):
    """Looks each change of a state, transaction by transaction, up in docs/states.md."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.allowed = {jobs: moves("Jobs"), units: moves("Units")}
        self.seen: dict[Any, set[tuple[str | None, str]]] = {jobs: set(), units: set()}

    def write(self, transition: Callable[..., T], *args: Any, **named: Any) -> T:
        with self.database.write() as conn:
            before = {table: _states(conn, table) for table in self.allowed}
            done = transition(conn, *args, **named)
            for table, allowed in self.allowed.items():
                after = _states(conn, table)
                assert before[table].keys() <= after.keys()
                moved = {(before[table].get(row), state) for row, state in after.items()}
                changed = {(was, state) for was, state in moved if was != state}
                assert changed <= allowed, f"{transition.__name__}: {table.name} {changed - allowed}"
                self.seen[table] |= changed
        return done


class JobMachine(RuleBasedStateMachine):
    """Any order of transitions. Claims are kept when they are lost, so that the fence is tried by the dead."""

    database: Database
    job_ids = Bundle("job_ids")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        empty(self.database)
        self.driver = WatchingDriver(self.database)
        for name in WORKERS:
            self.driver.register(name, slots=9)
        self.holders: dict[str, Claim] = {}
        self.shares: dict[str, float] = defaultdict(float)

    @initialize(target=job_ids, sent=st.lists(st.sampled_from(SPECS), min_size=1, max_size=3))
    def begin(self, sent: list[dict[str, Any]]) -> Any:
        return multiple(*map(self.driver.submit, sent))

    @rule(target=job_ids, sent=st.sampled_from(SPECS))
    def submit(self, sent: dict[str, Any]) -> str:
        return self.driver.submit(sent)

    @rule(job_id=job_ids)
    def cancel(self, job_id: str) -> None:
        ended = self.driver.state(job_id) in TERMINAL
        assert self.driver.cancel(job_id) == ("already_finished" if ended else "cancelled")

    @rule(job_id=job_ids)
    def settle(self, job_id: str) -> None:
        self.driver.write(settle, job_id)

    @rule()
    def upkeep(self) -> None:
        self.driver.upkeep()
        assert self.driver.read(unsettled) == []

    @rule(target=claims, worker=st.sampled_from(WORKERS))
    def claim(self, worker: str) -> Any:
        best = self.best_unit()
        found = self.driver.claim(worker, lease_seconds=HOURS)
        assert (found and found.unit.key) == best
        if found is None:
            return multiple()
        assert found.unit.key not in self.holders, "at most one attempt can write"
        self.holders[found.unit.key] = found
        return found

    @rule(units_at_most=st.integers(1, 4))
    def work(self, units_at_most: int) -> None:
        """The usual way, to get somewhere."""
        self.driver.work(at_most=units_at_most)

    @rule(claim=claims)
    def start(self, claim: Claim) -> None:
        self.driver.start(claim)

    @rule(claim=claims, share=st.sampled_from([0.1, 0.5, 1.0]))
    def heartbeat(self, claim: Claim, share: float) -> None:
        wanted = self.driver.unit(claim.unit.key).wanted
        answer = "lost" if not self.may_write(claim) else "go" if wanted else "stop"
        assert self.driver.heartbeat(claim, share) == answer

    @rule(claim=claims, step=st.integers(1, 3))
    def checkpoint(self, claim: Claim, step: int) -> None:
        assert self.driver.checkpoint(claim, step) == self.may_write(claim)

    @rule(claim=claims, settled=st.booleans())
    def commit(self, claim: Claim, settled: bool) -> None:
        assert self.driver.commit(claim) == self.lets_go(claim)
        if settled:
            self.driver.settle(claim)

    @rule(claim=claims, reason=st.sampled_from([Reason.BUG, Reason.DATA_ERROR, Reason.USER_ERROR]))
    def fail(self, claim: Claim, reason: Reason) -> None:
        assert self.driver.fail(claim, reason) == self.lets_go(claim)

    @rule(claim=claims)
    def release(self, claim: Claim) -> None:
        assert self.driver.release(claim) == self.lets_go(claim)

    @rule(claim=claims)
    def crash(self, claim: Claim) -> None:
        assert self.driver.crash(claim) == self.lets_go(claim)
        self.driver.no_backoff()

    @rule(claim=claims)
    def lose(self, claim: Claim) -> None:
        assert self.driver.lose(claim) == (self.holders.pop(claim.unit.key, None) is not None)
        self.driver.no_backoff()

    @rule(claim=claims, worker=st.sampled_from(WORKERS))
    def come_back_too_late(self, claim: Claim, worker: str) -> None:
        """Lost, and perhaps claimed again: then the first one wakes up and tries everything."""
        self.lose(claim)
        self.claim(worker)
        assert self.driver.heartbeat(claim, 1.0) == "lost"
        assert not self.driver.checkpoint(claim, 9)
        assert not self.driver.commit(claim)
        assert not self.driver.fail(claim)
        assert not self.driver.release(claim)
        assert not self.driver.crash(claim)

    @rule(worker=st.sampled_from(WORKERS))
    def take_back(self, worker: str) -> None:
        mine = [key for key, claim in self.holders.items() if claim.worker == worker]
        assert self.driver.write(take_back, worker) == len(mine)
        for key in mine:
            del self.holders[key]
        self.driver.no_backoff()

    @invariant()
    def the_rows_are_what_the_rules_say(self) -> None:
        with self.database.read() as conn:
            found = Rows(*(list(conn.execute(select(table)).all()) for table in (jobs, units, job_units, attempts)))
            last = select(events).join(jobs, (jobs.c.id == events.c.job_id) & (jobs.c.last_event == events.c.seq))
            counted = select(events.c.job_id, func.count(), func.min(events.c.seq), func.max(events.c.seq))
            told = {row.job_id: row for row in conn.execute(last).all()}
            numbers = {row[0]: tuple(row[1:]) for row in conn.execute(counted.group_by(events.c.job_id)).all()}
            shares = {row.id: fraction(conn, row) for row in found.jobs}
        self.one_attempt_at_most_can_write(found)
        self.no_unit_is_done_twice(found)
        wanted_and_rank(found)
        end_of_events(found, told, numbers)
        assert all(self.shares[job_id] <= share <= 1 for job_id, share in shares.items()), "progress never falls"
        self.shares.update(shares)

    def one_attempt_at_most_can_write(self, found: Rows) -> None:
        running = {row.key: row.attempt for row in found.units if row.state == "running"}
        assert running == {key: claim.attempt for key, claim in self.holders.items()}
        still_open = [(row.unit_key, row.attempt) for row in found.attempts if row.ended_at is None]
        assert sorted(still_open) == sorted(running.items())

    def no_unit_is_done_twice(self, found: Rows) -> None:
        done = Counter(row.unit_key for row in found.attempts if row.ending == "done")
        kept = {row.key: UnitResult.model_validate(row.result) for row in found.units if row.state == "done"}
        assert done == Counter(kept.keys())
        assert kept == {key: made.model_copy(update={"curve": ()}) for key, made in self.driver.results.items()}

    def teardown(self) -> None:
        """Everybody dies; one worker comes and works on: every job comes to one end."""
        for claim in list(self.holders.values()):
            self.lose(claim)
        for _ in range(100):
            self.driver.upkeep()
            if not self.driver.work():
                break
        self.the_rows_are_what_the_rules_say()
        rows = self.driver.all(select(jobs))
        assert {row.state for row in rows} <= TERMINAL
        assert all((row.certificate is not None) == (row.state == "succeeded") for row in rows)
        assert all((row.reason is not None) == (row.state == "failed") for row in rows)
        assert not self.driver.all(select(job_units).where(job_units.c.unseen))

    def may_write(self, claim: Claim) -> bool:
        """Whether a claim still holds its unit, by what happened since and not by the rows."""
        return self.holders.get(claim.unit.key) is claim

    def lets_go(self, claim: Claim) -> bool:
        """The same, for a transition that ends the attempt."""
        held = self.may_write(claim)
        if held:
            del self.holders[claim.unit.key]
        return held

    def best_unit(self) -> str | None:
        """What has to be claimed next."""
        ready = self.driver.all(select(units).where(units.c.state == "ready"))
        best = min(ready, key=lambda row: (row.rank, row.number), default=None)
        return None if best is None else str(best.key)


def wanted_and_rank(found: Rows) -> None:
    """`wanted` and `rank` are what the rows of the jobs say."""
    order = {row.id: row.number for row in found.jobs if row.state in WANTING}
    ranks = defaultdict(list)
    for row in found.job_units:
        if row.job_id in order:
            ranks[row.unit_key].append(2 * order[row.job_id] + (row.role == "control"))
    for unit in found.units:
        wanted = ranks.get(unit.key, [])
        assert (unit.wanted, unit.rank) == (len(wanted), min(wanted, default=None))
        assert unit.state != "ready" or wanted, "what nobody wants is not ready"


def end_of_events(found: Rows, last: dict[str, AnyRow], numbers: dict[str, tuple[int, int, int]]) -> None:
    """Events are numbered without a gap, and the last one of a job that has ended says so."""
    assert numbers == {row.id: (row.last_event, 1, row.last_event) for row in found.jobs}
    ended = {job_id for job_id, row in last.items() if row.event == "job" and row.data["state"] in TERMINAL}
    assert ended == {row.id for row in found.jobs if row.state in TERMINAL}


def _states(conn: Connection, table: Any) -> dict[str, str]:
    rows: list[AnyRow] = list(conn.execute(select(table.c.number, table.c.state)).all())
    return {row.number: row.state for row in rows}

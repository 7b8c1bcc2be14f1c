"""How an attempt ends in the rows: one fenced transition for each outcome, then its jobs are settled."""

from collections.abc import Callable
from queue import SimpleQueue

import structlog
from sqlalchemy import Connection

from winnow.contract.problems import Unavailable
from winnow.jobs.commit import commit
from winnow.jobs.fail import fail
from winnow.jobs.lease import Claim
from winnow.jobs.lose import lose
from winnow.jobs.release import release
from winnow.jobs.settle import jobs_of, settle
from worker.attempt import Broken, Crashed, Expired, Finished, GivenUp, Outcome
from worker.files import deliver
from worker.patience import STOPPABLE, Interrupted, until_it_works
from worker.workplace import Workplace

log = structlog.get_logger(__name__)


def conclude(place: Workplace, claim: Claim, outcome: Outcome, events: SimpleQueue[object]) -> bool:
    """Write down how the attempt ended; False where the lease was lost, so that nothing is written.

    While the store or the database is away this waits, heartbeats go on, and the unit is not blamed.
    """
    try:
        transition = _stored(place, claim, outcome, events)
        held = transition is not None and until_it_works(lambda: _write(place, transition), events)
    except Interrupted:
        held = False
    about = {"unit": claim.unit.key, "kind": claim.unit.kind, "attempt": claim.attempt}
    log.info("attempt_ended", **about, outcome=type(outcome).__name__, detail=_detail(outcome), held=held)
    return held


def settle_jobs(place: Workplace, claim: Claim) -> None:
    """Settle each job that has not taken the unit's end in. What goes wrong here upkeep makes good."""
    try:
        with place.database.read() as conn:
            waiting = jobs_of(conn, claim)
        for job_id in waiting:
            with place.database.write() as conn:
                settle(conn, job_id)
    except Unavailable as away:
        log.warning("settle_missed", unit=claim.unit.key, detail=away.detail)
    except Exception:  # one job that cannot be settled must not stand in the way of the slot's next unit
        log.exception("settle_failed", unit=claim.unit.key)


Transition = Callable[[Connection], bool]


def _stored(place: Workplace, claim: Claim, outcome: Outcome, events: SimpleQueue[object]) -> Transition | None:
    """The transition to make, with everything stored that it will name."""
    match outcome:
        case Finished(result=result, outputs=outputs):
            try:
                until_it_works(lambda: deliver(place, outputs, result), events, STOPPABLE)
            except Interrupted as interrupted:
                log.warning("outputs_not_stored", unit=claim.unit.key, by=type(interrupted.by).__name__)
                return lambda conn: release(conn, claim)
            return lambda conn: commit(conn, claim, result)
        case Broken(reason=reason, detail=detail):
            return lambda conn: fail(conn, claim, reason, detail)
        case Crashed(detail=detail):
            return lambda conn: lose(conn, claim, detail)
        case GivenUp():
            return lambda conn: release(conn, claim)
        case Expired():
            return None


def _write(place: Workplace, transition: Transition) -> bool:
    with place.database.write() as conn:
        return transition(conn)


def _detail(outcome: Outcome) -> str | None:
    match outcome:
        case Broken(detail=detail) | Crashed(detail=detail):
            return detail
        case GivenUp(why=why):
            return why
    return None

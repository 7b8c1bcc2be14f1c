"""A slot: claim → inputs → runner → outputs → fenced commit → settle → claim again, until nothing is claimable."""

import threading
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

import structlog

from winnow.contract.problems import InvalidFile, NotFound, Reason, Unavailable
from winnow.jobs.checkpoint import checkpoint
from winnow.jobs.claim import Room, claim
from winnow.jobs.lease import Claim
from winnow.jobs.release import release
from winnow.jobs.start import jobs_to_start, started
from winnow.jobs.upkeep import claimable
from worker.attempt import Attempt, Broken, Crashed, Finished, GivenUp, Outcome
from worker.child import Runner
from worker.ending import conclude, settle_jobs
from worker.events import Lost, ShutDown
from worker.files import lay_out, store
from worker.heartbeat import Heartbeat
from worker.protocol import Checkpoint
from worker.scratch import Desk, is_full
from worker.workplace import Workplace

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Current:
    """What a slot does now, and how it is reached."""

    claim: Claim
    events: SimpleQueue[object]


class Slot:
    """One unit at a time, in a runner that stays warm between units of one tenant."""

    def __init__(self, place: Workplace, number: int, stopping: threading.Event) -> None:
        self._place = place
        self._gpus_of = number if place.launch.resource == "gpu" else None
        self._stopping = stopping
        self._pause = FIRST_PAUSE
        self._runner: Runner | None = None
        self._current: _Current | None = None
        self._unsettled: Claim | None = None

    def adopt(self, runner: Runner) -> None:
        """Take a runner that was started before there were slots."""
        self._runner = runner

    def work(self) -> None:
        """Do units until nothing is claimable, or the worker ends."""
        try:
            while not self._stopping.is_set():
                try:
                    mine = self._place.cores.claim(self._claim)
                except Unavailable as away:
                    self._wait(away.detail)
                    continue
                if mine is not None:
                    with self._place.cores.held(mine):
                        self._do(mine)
                elif not self._settle():  # what that unlocks may be claimable
                    return
        finally:
            self._settle()

    def shut_down(self) -> None:
        """Checkpoint and release what is being done; `stopping` is set already."""
        if current := self._current:
            current.events.put(ShutDown())

    def release_now(self) -> None:
        """Release what is being done, whatever the slot waits for: no later write of its attempt passes the fence."""
        if current := self._current:
            try:
                with self._place.database.write() as conn:
                    release(conn, current.claim)
            except Unavailable as away:
                log.warning("release_missed", unit=current.claim.unit.key, detail=away.detail)

    def close(self) -> None:
        """End the runner."""
        if self._runner:
            self._runner.end()
            self._runner = None

    def _claim(self, cores_free: int) -> Claim | None:
        place, launch = self._place, self._place.launch
        room = Room(launch.resource, cores_free, launch.gpus_a_slot)
        with place.database.write() as conn:
            return claim(conn, worker=place.name, room=room)

    def _do(self, mine: Claim) -> None:
        place = self._place
        events = SimpleQueue[object]()
        self._current = _Current(mine, events)
        if self._stopping.is_set():  # it came between the claim and the line above
            events.put(ShutDown())
        with Heartbeat(place, mine, events.put) as heart:
            outcome = self._done(mine, events, heart)
        self._current = None
        self._unsettled = mine
        if mine.unit.kind != "control" or not isinstance(outcome, Finished):
            self._settle()  # the chain goes on from here, so that the next claim has to see it
        if isinstance(outcome, GivenUp) and outcome.pause:
            self._wait(outcome.why)
        else:
            self._pause = FIRST_PAUSE

    def _settle(self) -> bool:
        """Settle the jobs of the last unit, unless that was done. After a control it can wait for a runner's time."""
        if self._unsettled is None:
            return False
        settle_jobs(self._place, self._unsettled)
        self._unsettled = None
        return True

    def _done(self, mine: Claim, events: SimpleQueue[object], heart: Heartbeat) -> Outcome:
        """Attempt the unit and write down how that ended, whatever it is."""
        try:
            with self._place.scratch.desk() as desk:
                outcome = self._attempt(mine, desk, events, heart)
                conclude(self._place, mine, outcome, events)
                return outcome
        except Exception as error:  # a full disk, or a bug of the worker's: tried again, here or elsewhere
            outcome = _trouble(error)
        self._discard()
        conclude(self._place, mine, outcome, events)
        return outcome

    def _attempt(self, mine: Claim, desk: Desk, events: SimpleQueue[object], heart: Heartbeat) -> Outcome:
        """Feed the unit to a runner and wait. What goes wrong with the files is an outcome too."""
        runner = self._runner_for(mine)  # a new one loads torch while the inputs come in
        try:
            order = lay_out(self._place, mine, desk)
        except Unavailable as away:
            return GivenUp(away.detail, pause=True)
        except (NotFound, InvalidFile) as damage:
            return Broken(Reason.STORE_UNAVAILABLE, damage.detail)
        attempt = Attempt(runner, self._place.numerics, events, partial(self._keep_checkpoint, mine, runner, events))
        attempt.begin(order)
        heart.watch(runner)
        self._settle()
        self._announce(mine)
        outcome = attempt.wait()
        heart.watch(None)
        runner.units += 1
        if not isinstance(outcome, Finished):
            self._discard()
        return outcome

    def _runner_for(self, mine: Claim) -> Runner:
        """The warm runner, or a new one: other tenant, other threads, worn out, dead."""
        runner = self._runner
        fits = (
            runner is not None
            and runner.alive
            and runner.tenant in (None, mine.tenant)
            and runner.threads == mine.unit.inputs.threads
            and runner.units < self._place.units_per_runner
        )
        if runner is None or not fits:
            self._discard()
            runner = self._runner = Runner(self._place.launch, mine.unit.inputs.threads, self._gpus_of)
        runner.tenant = mine.tenant
        return runner

    def _discard(self) -> None:
        if self._runner:
            self._runner.kill()
            self._runner = None

    def _announce(self, mine: Claim) -> None:
        """Say that the unit's jobs run, and ring for whoever could take more. Upkeep makes good what is missed."""
        try:
            with self._place.database.read() as conn:
                jobs, resources = jobs_to_start(conn, mine), claimable(conn)
            for job_id in jobs:
                with self._place.database.write() as conn:
                    started(conn, job_id)
        except Unavailable as away:
            log.warning("start_missed", unit=mine.unit.key, detail=away.detail)
            return
        for resource in resources:
            self._place.ring(resource)

    def _keep_checkpoint(self, mine: Claim, runner: Runner, events: SimpleQueue[object], kept: Checkpoint) -> None:
        """Store and commit a checkpoint; one that cannot be stored now is followed by another."""
        try:
            ref = store(self._place, kept.path)
            with self._place.database.write() as conn:
                held = checkpoint(conn, mine, ref, kept.step, runner.numerics or "")
        except (Unavailable, OSError) as error:
            log.warning("checkpoint_missed", unit=mine.unit.key, step=kept.step, detail=str(error))
            return
        if not held:
            events.put(Lost())

    def _wait(self, why: str) -> None:
        """Pause: what is wrong lies in the machine or around it, and trying again at once would not help."""
        log.warning("slot_paused", why=why, seconds=self._pause)
        self._stopping.wait(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def _trouble(error: Exception) -> Outcome:
    if isinstance(error, OSError) and is_full(error):
        return GivenUp(str(error), pause=True)
    log.error("slot_failed", exc_info=error)
    return Crashed(f"The worker failed: {error!r}")

"""The worker process: a Celery app with one task, `ring`, whose threads are the slots.

Celery brings rings and shutdown; what is done, and by whom, stands in the rows (docs/architecture.md).
"""

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import NoReturn

import structlog
from celery import Celery, bootsteps, signals
from celery.exceptions import SecurityWarning
from pydantic import ValidationError

from winnow import logs
from winnow.contract.ids import new_id
from winnow.contract.problems import WinnowError
from winnow.contract.reading import refused
from winnow.db.engine import Database
from winnow.jobs.dispatch import TASK, bell, queue_name, ring
from winnow.jobs.workers import Registration
from winnow.lottery.numerics import foreseen_class
from winnow.storage import Objects
from worker.child import Died, Launch, Runner
from worker.cores import Cores
from worker.duties.duty import Duty
from worker.duties.presence import SEEN_SECONDS, Presence, host, process
from worker.duties.upkeep import UPKEEP_SECONDS, Upkeep
from worker.protocol import Failed
from worker.scratch import Scratch
from worker.settings import Settings, runner_environment
from worker.slots import Slots
from worker.workplace import Workplace

RELEASE_SECONDS, EXIT_SECONDS = 6.0, 8.0
"""After a signal to end: when to release whatever hangs, and when to leave it behind."""

CELERY = ("celery.app.trace", "celery.worker.strategy")
"""Each ring and each poll is an event to these loggers, and none to whoever reads this log."""

log = structlog.get_logger(__name__)


class CannotStart(WinnowError):
    """What stands in the way, in words."""


def main() -> int:
    """Run a worker until it is told to end; returns the exit status."""
    logs.set_up(CELERY)
    signal.signal(signal.SIGTERM, _leave)  # until Celery takes it over; nothing is claimed before that
    try:
        settings = Settings()
        logs.set_up(CELERY, worker=settings.worker_name)
        with _runner(settings) as runner:
            return _work(settings, runner)
    except (ValidationError, WinnowError) as error:
        log.error("worker_refused", detail=refused(error))
        return 1


def _leave(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


@contextmanager
def _runner(settings: Settings) -> Iterator[Runner]:
    """A first runner: it loads torch while everything else starts."""
    launch = _launch(settings)
    runner = Runner(launch, threads=1, slot=0 if settings.resource == "gpu" else None)
    try:
        yield runner
    finally:
        runner.kill()


def _launch(settings: Settings) -> Launch:
    return Launch(
        resource=settings.resource,
        environment=runner_environment(),
        file_bytes=settings.runner_file_bytes,
        data_dir=settings.data_dir,
        gpus=settings.gpu_names if settings.resource == "gpu" else (),
        gpus_a_slot=settings.gpus_a_slot,
        gpu_sharers=settings.gpu_sharers,
        resident_bytes=settings.resident_bytes,
        decoders=max(1, settings.cores // settings.slots),
    )


def _numerics(runner: Runner) -> str:
    """The numerics class of the worker's results; waits for the runner to tell where torch alone can.

    Raises WinnowError where torch is not the one that results are made with, CannotStart where it does not come up.
    """
    if runner.launch.resource == "cpu" and (foreseen := foreseen_class()):
        return foreseen
    events: SimpleQueue[object] = SimpleQueue()
    runner.begin(events.put)
    while runner.numerics is None:
        match events.get():
            case Failed(detail=detail):
                raise CannotStart(detail)
            case Died(status=status, last_words=said):
                raise CannotStart(f"The first runner ended with status {status}: {said}")
    return runner.numerics


def _work(settings: Settings, runner: Runner) -> int:
    database = Database(settings.database_url)
    objects = settings.open_objects()
    app = bell(settings.broker_url)
    numerics = _numerics(runner)
    presence = Presence(database, _registration(settings, numerics), _end_this_process)
    presence.register()
    place = _workplace(settings, numerics, database, objects, app)
    slots = Slots(place, settings.slots)
    slots.first.adopt(runner)
    duties = (
        Duty("presence", presence.seen, SEEN_SECONDS),
        Duty("upkeep", Upkeep(database, objects, place.ring).round, UPKEEP_SECONDS),
    )
    for duty in duties:
        duty.start()
    try:
        return _listen(app, settings, slots)
    finally:
        for duty in duties:
            duty.stop()
        slots.close()
        presence.gone()
        log.info("worker_gone")


def _registration(settings: Settings, numerics: str) -> Registration:
    return Registration(
        name=settings.worker_name,
        session=new_id("run"),
        resource=settings.resource,
        slots=settings.slots,
        cores=settings.cores,
        gpus_a_slot=settings.gpus_a_slot,
        numerics=numerics,
        host=host(),
        process=process(os.getpid()),
    )


def _workplace(settings: Settings, numerics: str, database: Database, objects: Objects, app: Celery) -> Workplace:
    return Workplace(
        name=settings.worker_name,
        numerics=numerics,
        database=database,
        objects=objects,
        scratch=Scratch(settings.scratch, objects, settings.cache_bytes),
        cores=Cores(settings.cores),
        launch=_launch(settings),
        ring=partial(ring, app),
        units_per_runner=settings.units_per_runner,
        stall_seconds=settings.stall_seconds,
        runner_memory_bytes=settings.runner_memory_bytes,
    )


def _listen(app: Celery, settings: Settings, slots: Slots) -> int:
    """Hand each ring to a slot, until a signal ends the worker; 1 where something else does."""
    app.task(name=TASK)(slots.ring)

    asked = threading.Event()

    def shutting_down(**_about: object) -> None:
        asked.set()
        # A signal handler runs between any two steps of the main thread: what takes locks goes to another one.
        threading.Thread(target=_wind_up, args=(slots,), daemon=True).start()

    class StopSlots(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
        """Celery also ends by itself, by an error that it knows no way out of; it must not wait for hours of work."""

        requires = ("celery.worker.components:Pool",)

        def stop(self, _parent: object) -> None:
            slots.stop()

    app.steps["worker"].add(StopSlots)

    def set_up_logging(**_about: object) -> None:
        """What is connected here keeps Celery from setting up its own."""

    # As root, in a container say, Celery warns of pickle; messages here are JSON without content.
    warnings.simplefilter("ignore", SecurityWarning)
    signals.worker_shutting_down.connect(shutting_down)
    signals.setup_logging.connect(set_up_logging)
    threads = ["--pool=threads", f"--concurrency={settings.slots}", f"--hostname={settings.worker_name}@%h"]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["--quiet", "worker", f"--queues={queue_name(settings.resource)}", *threads, *alone])
    return 0 if asked.is_set() else 1


def _wind_up(slots: Slots) -> None:
    """Stop the slots; a store or broker that hangs keeps the process no longer than 8 s."""
    log.info("worker_ends")
    slots.stop()
    last = threading.Timer(EXIT_SECONDS, _leave_behind)
    last.daemon = True
    last.start()
    threading.Event().wait(RELEASE_SECONDS)
    slots.release_all()


def _leave_behind() -> None:
    log.warning("worker_left_behind", seconds=EXIT_SECONDS)
    os._exit(1)


def _end_this_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())

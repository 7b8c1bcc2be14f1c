"""Listening for the bell without a worker: what a queue holds that Celery can read."""

import contextlib
from typing import Any

from celery import Celery
from kombu import Consumer

from winnow.jobs.dispatch import queue_name


def heard(app: Celery, resource: str, seconds: float = 1.0) -> list[str]:
    """The names of the tasks in a queue, read and acknowledged until it is silent for that long."""
    tasks: list[str] = []

    def take(_body: Any, message: Any) -> None:
        tasks.append(message.headers["task"])
        message.ack()

    queues = [queue for queue in app.conf.task_queues if queue.name == queue_name(resource)]
    with (
        app.connection_for_read() as connection,
        Consumer(connection, queues, callbacks=[take], accept=["json"]),
        contextlib.suppress(TimeoutError),
    ):
        while True:
            connection.drain_events(timeout=seconds)
    return tasks

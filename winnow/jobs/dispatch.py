"""The bell: a message without content that tells the slots of a resource to look for work.

SQL is the truth; a message lost, doubled or late costs time and nothing else. Acknowledged early, one at a time, no
result kept.
"""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import ChannelError, OperationalError

from winnow.contract.problems import InvalidSpec

TASK = "ring"
POLL_SECONDS = 0.2

log = logging.getLogger(__name__)


def bell(broker_url: str) -> Celery:
    """The Celery app on a broker (`filesystem:///dir`, `redis://…`), to ring with and to build a worker on.

    The folder is made where it is missing. Raises InvalidSpec for a broker of another kind.
    """
    app = Celery("winnow", set_as_current=False)
    app.conf.update(
        **_broker(broker_url),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # Redis may stay away for hours; running work goes on meanwhile
        broker_connection_timeout=3,
        task_queues=[_queue("cpu"), _queue("gpu")],
        task_default_queue=queue_name("cpu"),
        task_ignore_result=True,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
    )
    return app


def ring(app: Celery, resource: str) -> bool:
    """Ring for a resource; False where the broker is away: upkeep rings again when it is back."""
    try:
        # No declaration: a queue is there as soon as something is in it.
        app.send_task(TASK, queue=_queue(resource), declare=[], retry=True, retry_policy={"max_retries": 1})
    except (OperationalError, ChannelError, OSError) as error:
        log.warning("the bell does not ring: the broker is away (%s)", error)
        return False
    return True


def queue_name(resource: str) -> str:
    """The queue that the workers of a resource listen to."""
    return f"winnow-{resource}"


def _queue(resource: str) -> Queue:
    return Queue(queue_name(resource), exchange=Exchange(""), routing_key=queue_name(resource))


def _broker(url: str) -> dict[str, Any]:
    match urlsplit(url).scheme:
        case "filesystem":
            folder = str(_folder(url))
            options = {"data_folder_in": folder, "data_folder_out": folder, "polling_interval": POLL_SECONDS}
            return {
                "broker_url": "filesystem://localhost",
                "broker_transport": "winnow.jobs.brokers:FolderTransport",
                "broker_transport_options": options,
            }
        case "redis" | "rediss":
            return {
                "broker_url": url,
                "broker_transport": "winnow.jobs.brokers:RedisTransport",
                "broker_transport_options": {"socket_connect_timeout": 3, "socket_timeout": 10},
            }
    raise InvalidSpec(f"No broker at {url!r}: give filesystem:///some/folder or redis://host:port/0.")


def _folder(url: str) -> Path:
    folder = Path(unquote(urlsplit(url).path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder

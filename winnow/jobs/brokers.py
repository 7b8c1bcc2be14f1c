"""Transports that a message cannot break: what nobody can read is logged and dropped, not the end of the worker.

kombu's own let the error of an unreadable message through, and Celery ends on it. The folder's writes under the final
name besides, so that a message can be read while half of it is there.
"""

import logging
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem, redis, virtual
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)


class FolderChannel(filesystem.Channel):
    """Messages as files of one folder: a message is there as a whole, and is taken by one reader."""

    def _put(self, queue: str, payload: Any, **_options: Any) -> None:
        """Write under a temporary name, then rename; a folder that was cleared away is made again."""
        name = f"{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{name}"
        partial.write_text(dumps(payload))
        partial.rename(folder / name)

    def _get(self, queue: str) -> Any:
        """The payload of some message of the queue; raises Empty where there is none that can be read."""
        folder = Path(self.data_folder_in)
        for message in folder.glob(f"[!.]*.{queue}.msg"):
            taken = folder / f".taken-{uuid.uuid4()}"
            try:
                message.rename(taken)  # fails for all readers but one
            except FileNotFoundError:
                continue
            content = taken.read_bytes()
            taken.unlink()
            try:
                return loads(content)
            except ValueError:
                log.warning("dropped a message of the queue %s that nobody can read", queue)
        raise Empty

    def _queue_bind(self, *_binding: str) -> None:
        """Nothing: messages are sent to a queue by name, and no table of exchanges is kept that could be torn."""


class FolderTransport(filesystem.Transport):
    """The folder, for `filesystem:///dir`."""

    Channel = FolderChannel

    def _deliver(self, message: Any, queue: str) -> None:
        if _is_message(message, queue):
            super()._deliver(message, queue)


class RedisQoS(redis.QoS):
    """Counts what is acknowledged even while Redis is away.

    kombu's own forgets to: a worker that acknowledges at that moment never asks for a message again, so it never
    notices that it has lost its connection either, and stays deaf when Redis is back.
    """

    def ack(self, delivery_tag: str) -> None:
        """Here first, then in Redis; what stays there comes a second time, which is harmless."""
        virtual.QoS.ack(self, delivery_tag)
        try:
            self._remove_from_indices(delivery_tag).execute()
        except self.channel.connection_errors as away:
            log.warning("a message could not be acknowledged: %s", away)


class RedisChannel(redis.Channel):
    """Redis, whose lists anybody can push anything to."""

    QoS = RedisQoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ValueError:
            log.warning("dropped a message that nobody can read")
            raise Empty from None


class RedisTransport(redis.Transport):
    """Redis, for `redis://…`."""

    Channel = RedisChannel

    def _deliver(self, message: Any, queue: str) -> None:
        if _is_message(message, queue):
            super()._deliver(message, queue)


def _is_message(message: Any, queue: str) -> bool:
    """Whether kombu can make a message of it: JSON can hold much else."""
    properties = message.get("properties") if isinstance(message, dict) else None
    if isinstance(properties, dict) and "delivery_tag" in properties and isinstance(message.get("body"), str):
        return True
    log.warning("dropped a message of the queue %s that is none of Celery's", queue)
    return False

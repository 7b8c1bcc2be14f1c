"""`python -m app`: the API, as its environment says."""

import socket
import sys
from contextlib import suppress

import structlog
from pydantic import ValidationError

from app.memory import give_back_large_blocks
from app.server import Server
from app.settings import Settings
from winnow import logs
from winnow.contract.problems import WinnowError
from winnow.contract.reading import refused


def main() -> int:
    """Serve until told to stop; 1 where that cannot begin."""
    logs.set_up()
    give_back_large_blocks()
    try:
        settings = Settings()
        server = Server(settings)
    except (ValidationError, WinnowError) as error:
        structlog.get_logger().error("cannot start", detail=refused(error))
        return 1
    with suppress(KeyboardInterrupt):  # uvicorn stops in order, then raises it again
        server.run(None if settings.listen_fd is None else [socket.socket(fileno=settings.listen_fd)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())

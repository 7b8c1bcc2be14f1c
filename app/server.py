"""The HTTP server around the app, which ends its endless streams before it waits for requests to end."""

import socket

import uvicorn

from app.main import create_app
from app.settings import Settings

GRACE_SECONDS = 10


class Server(uvicorn.Server):
    """uvicorn, told of the one thing that it cannot know: event streams end only when they are told to."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        config = uvicorn.Config(
            self.app,
            host=settings.host,
            port=settings.port,
            log_config=None,  # logging is set up by the entry point
            access_log=False,  # the app logs each request itself
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests that are being served, then stop."""
        self.app.state.parts.feed.close()
        await super().shutdown(sockets)

"""A network that tests decide on: one that answers nothing, or everything from a folder."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def all_through(url: str) -> Iterator[None]:
    """Whatever is asked of the network goes to this address."""
    through = dict.fromkeys(("http", "https"), url)
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler(through)))
    yield
    urllib.request.install_opener(None)  # the next one is made from the environment again


class FileServer(ThreadingHTTPServer):
    """Answers every GET with the file of that name, whatever the host."""

    def __init__(self, files: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.served: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.served.append(name)
        self._answer((self.server.files / name).read_bytes())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # torchvision asks twice: it hangs up once it has seen that nobody redirects it
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def served(files: Path) -> Iterator[FileServer]:
    """A server of these files, on a port of its own."""
    with FileServer(files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

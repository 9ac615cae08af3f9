"""Carelane's own questions to services, which answer as they like."""

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.base.errors import PlatformError
from carelane.platforms.envoy.router import MOST_BYTES, EnvoyRouter
from carelane.platforms.processes.shims import Shims


class Dripping(http.server.BaseHTTPRequestHandler):
    """Answers without an end: in drips, or as fast as it can."""

    def do_GET(self) -> None:
        """Go on until nobody reads it."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" if self.path == "/drips" else b"x" * 65536)
                self.server.ended.wait(0.05 if self.path == "/drips" else 0.0)  # type: ignore[attr-defined]
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Nobody wants to know."""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[EnvoyRouter]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    server.ended = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield EnvoyRouter(tmp_path, server.server_address[1], {}, Shims(tmp_path / "proxies"))
    server.shutdown()
    server.server_close()


def test_what_answers_in_drips_is_given_up_after_the_whole_time(router: EnvoyRouter) -> None:
    began = time.monotonic()
    with pytest.raises(PlatformError, match="takes too long"):
        router.ask("/drips", 0.5)
    assert time.monotonic() - began < 5.0


def test_of_an_answer_without_an_end_only_the_beginning_is_read(router: EnvoyRouter) -> None:
    status, body = router.ask("/floods", 30.0)
    assert status == 200
    assert MOST_BYTES <= len(body) < 2 * MOST_BYTES

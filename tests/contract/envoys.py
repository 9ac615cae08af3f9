"""Real Envoys in front of small servers, as fixtures."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from carelane.platforms.envoy.proxies import PROXIES
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import free_port
from tests.contract import processes
from tests.contract.proxies import refused
from tests.waiting import until

VERSIONS = ("v1", "v2", "v3", "v4", "v5", "v6")


def instance(label: str, held: threading.Event) -> http.server.ThreadingHTTPServer:
    """A server that answers with its label; ``/slow`` once it is let go."""

    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 8192  # head and body in one packet, else each answer waits 40 ms

        def do_GET(self) -> None:
            if self.path == "/slow":
                held.wait(10.0)
            body = label.encode()
            self.send_response(503 if label == "sick" and self.path == "/ready" else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port(set())), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class Envoys:
    """Mixed into a test class: *router* and the *ports* of its instances, by label."""

    has_preview = False

    @pytest.fixture
    def held(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    @pytest.fixture
    def ports(self, held: threading.Event) -> Iterator[dict[str, int]]:
        servers = {label: instance(label, held) for label in (*VERSIONS, "sick")}
        yield {label: int(server.server_address[1]) for label, server in servers.items()}
        held.set()
        for server in servers.values():
            server.shutdown()
            server.server_close()

    @pytest.fixture
    def keeper(self, tmp_path: Path) -> Iterator[Shims]:
        with processes.shims(tmp_path / "proxies") as made:
            yield made

    @pytest.fixture
    def another(self, tmp_path: Path, keeper: Shims) -> Callable[[], EnvoyRouter]:
        """A router of the same place, as a restarted server makes it."""
        front = free_port(set())
        inner = {"backend": free_port({front})}
        preview = free_port({front, *inner.values()}) if self.has_preview else None
        return lambda: EnvoyRouter(tmp_path / "envoy", front, inner, keeper, preview_port=preview)

    @pytest.fixture
    def router(self, another: Callable[[], EnvoyRouter]) -> Iterator[EnvoyRouter]:
        made = another()
        made.begin()
        until(lambda: not refused(made, "/"), 10.0, "the front door answers")
        until(lambda: answering(made) == len(PROXIES), 10.0, "both proxies answer")
        yield made
        for admin in made.admins.values():
            admin._connection.close()


def answering(router: EnvoyRouter) -> int:
    """How many proxies answer."""
    return sum(admin.hosts() is not None for admin in router.admins.values())

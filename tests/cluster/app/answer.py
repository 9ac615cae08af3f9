"""A small service for the tests: it answers with its version, and is spoiled from outside."""

import http.server
import json
import os
import signal
import threading

VERSION = os.environ.get("VERSION", "")
READY = os.environ.get("READY", "1") == "1"
ERRORS = float(os.environ.get("ERRORS", "0"))
"""Which part of the answers is an error."""
count = iter(range(10**12))


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers every GET."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 200
        if self.path == "/ready" and not READY:
            status = 503
        elif not self.path.startswith(("/ready", "/live")) and next(count) % 100 < ERRORS * 100:
            status = 500
        body = json.dumps({"version": VERSION, "pod": os.uname().nodename}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-app-version", VERSION)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as above
        """Say nothing of each request."""


class Server(http.server.ThreadingHTTPServer):
    """Takes connections until it is told to end, then ends what is idle."""

    request_queue_size = 128
    daemon_threads = True


server = Server(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Answer)  # noqa: S104 - in a Pod
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"{VERSION} answers", flush=True)  # noqa: T201 - its log
server.serve_forever()

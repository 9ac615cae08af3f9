"""The service that the small systems ship: a few lines of HTTP with faults to switch on.

APP_FAULT: ``unready``, ``crash``, ``hang:2`` (answers nothing after so many seconds), ``errors:0.2``,
``spoils:5`` (from so many seconds on one answer in five fails), ``ends:3`` (exits after so many seconds),
``slow:0.5`` (seconds an answer takes), ``cut:0.5`` (that share of the tries gets no answer, in every
second instance). It ends gracefully on SIGTERM.
"""

import http.server
import json
import os
import random
import signal
import sys
import threading
import time

VERSION = os.environ["APP_VERSION"]
FAULT, _, AMOUNT = os.environ.get("APP_FAULT", "").partition(":")
STARTED = time.monotonic()
FLAKY = int(os.environ.get("INSTANCE", "0").rpartition("-")[2]) % 2 == 1


def failing() -> float:
    """The share of the answers that fail now."""
    if FAULT == "errors":
        return float(AMOUNT)
    return 0.2 if FAULT == "spoils" and time.monotonic() - STARTED > float(AMOUNT) else 0.0


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every path."""

    protocol_version = "HTTP/1.1"
    # Headers and body in one segment: two would wait for each other's acknowledgement.
    wbufsize = -1

    def do_GET(self) -> None:
        """Probes first, then the fault, then the answer."""
        if FAULT == "hang" and time.monotonic() - STARTED > float(AMOUNT):
            threading.Event().wait()
        if self.path == "/live":
            self.answer(200)
        elif self.path == "/ready":
            self.answer(503 if FAULT == "unready" else 200)
        elif random.random() < failing():  # noqa: S311 - chance, not cryptography
            self.answer(500)
        elif FAULT == "cut" and FLAKY and random.random() < float(AMOUNT):  # noqa: S311 - as above
            self.close_connection = True
        else:
            if FAULT == "slow":
                time.sleep(float(AMOUNT))
            self.answer(200)

    do_POST = do_GET  # noqa: N815 - the name the library calls

    def answer(self, status: int) -> None:
        """Say the version, the greeting and the process."""
        said = {"version": VERSION, "greeting": os.environ.get("GREETING", ""), "pid": os.getpid()}
        body = json.dumps({**said, "secret": os.environ.get("SECRET", "")}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-app-version", VERSION)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """One line a request would drown the rest."""


def main() -> None:
    """Serve until SIGTERM."""
    if FAULT == "crash":
        sys.exit(3)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    if FAULT == "ends":
        threading.Timer(float(AMOUNT), os._exit, [3]).start()
    print(f"serving {VERSION}", flush=True)  # noqa: T201 - its log
    server.serve_forever()


if __name__ == "__main__":
    main()

"""Sends letters: takes one after the other from the database; on SIGTERM the one in hand is finished."""

import os
import signal
import threading

import psycopg

VERSION = os.environ["APP_VERSION"]
asked_to_end = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked_to_end.set())

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    while not asked_to_end.is_set():
        with connection.transaction():
            taken = connection.execute(
                "SELECT id FROM letters WHERE done_by = '{}' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
            ).fetchone()
            if taken is not None:
                asked_to_end.wait(0.05)  # the letter is sent
                connection.execute(
                    "UPDATE letters SET done_by = array_append(done_by, %s) WHERE id = %s",
                    (VERSION, taken[0]),
                )
        if taken is None:
            asked_to_end.wait(0.05)

"""The loop: send what is due, wait, stop between two reminders when told to."""

import logging
import math
import signal
import threading
import time

import psycopg

from reminders import deliveries, outbox, settings
from service_kit import faults, logs

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger(__name__)


def block_stop_signals() -> None:
    """Keep SIGTERM and SIGINT waiting: they are taken up between two reminders, never within one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)


def stop_asked(wait_seconds: float) -> bool:
    """Whether a stop signal is there or comes within *wait_seconds*."""
    return signal.sigtimedwait(_STOP_SIGNALS, wait_seconds) is not None


def run(configured: settings.RemindersSettings, gateway: deliveries.Gateway) -> None:
    """Send reminders until a stop signal; a lost database is waited for."""
    fault = configured.service.fault
    _arm_crash(fault)
    hang_at = math.inf if fault.hang_after_seconds is None else time.monotonic() + fault.hang_after_seconds
    pause = configured.poll_seconds
    while not stop_asked(0):
        try:
            with psycopg.connect(configured.database_url, connect_timeout=3, autocommit=True) as connection:
                _log.info("sending reminders")
                pause = configured.poll_seconds
                _send_until_stopped(connection, gateway, configured.poll_seconds, hang_at)
                break
        except psycopg.OperationalError as error:
            _log.error("database unavailable", extra={"error": logs.describe(error), "pause_seconds": pause})
            if stop_asked(pause):
                break
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    _log.info("ended")


def _arm_crash(fault: faults.Fault) -> None:
    if fault.crash_after_seconds is None:
        return
    timer = threading.Timer(fault.crash_after_seconds, faults.crash)
    timer.daemon = True
    timer.start()


def _send_until_stopped(
    connection: psycopg.Connection, gateway: deliveries.Gateway, poll_seconds: float, hang_at: float
) -> None:
    while True:
        if time.monotonic() >= hang_at:
            faults.hang()
        sent = outbox.send_next(connection, gateway)
        if stop_asked(0 if sent else poll_seconds):
            return

"""Who follows something is not lost with the server, and who leaves is told that it goes on."""

import signal
import subprocess
from pathlib import Path

from tests.systems.system import CARELANE, ENVIRONMENT, System
from tests.waiting import until


class Follower:
    """`carelane` in the background, with what it says in files."""

    def __init__(self, system: System, *arguments: str) -> None:
        self._out, self._err = Path(system.folder / "said.out"), Path(system.folder / "said.err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [str(CARELANE), *arguments],
                cwd=system.folder,
                env=ENVIRONMENT,
                stdout=out,
                stderr=err,
                # Where the tests were started in the background SIGINT is ignored, and would be here.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal it, and see how it ends."""
        self.process.send_signal(number)
        return self.process.wait(10)


def another_server(system: System) -> None:
    """The server ends, and another takes over."""
    system.must("down", "--keep-running")
    system.up()


def test_a_deployment_is_followed_through_a_restart_of_the_server(system: System) -> None:
    system.shipped("v1")
    system.release("v2", fault="unready")
    waiting = Follower(system, "deploy", "production", "--release", "v2", "--wait")
    until(lambda: "Progressing" in waiting.out, 15, "it is followed")
    another_server(system)
    until(lambda: "waiting for it, 120 s at most" in waiting.err, 5, "it says so")
    system.must("rollout", "abort", "production", "--reason", "enough")
    assert waiting.process.wait(30) == 10
    assert "Cancelled" in waiting.out or "Failed" in waiting.out


def test_who_leaves_is_told_that_it_goes_on(system: System) -> None:
    system.shipped("v1")
    system.release("v2", fault="unready")
    waiting = Follower(system, "deploy", "production", "--release", "v2", "--wait")
    until(lambda: "Progressing" in waiting.out, 15, "it is followed")
    assert waiting.end() == 130
    assert "deployment 2 goes on without you" in waiting.err
    assert "carelane rollout abort production" in waiting.err
    assert system.last_deployment()["phase"] == "Progressing"


def test_events_and_logs_are_followed_through_a_restart_and_nothing_is_missed(system: System) -> None:
    system.shipped("v1")
    events = Follower(system, "events", "--follow", "-o", "json")
    until(lambda: "deployment.succeeded" in events.out, 10, "what was")
    another_server(system)
    system.shipped("v2")
    until(lambda: events.out.count("deployment.succeeded") == 2, 15, "what came since")
    positions = [line.partition('"position": ')[2].partition(",")[0] for line in events.out.splitlines()]
    assert positions == sorted(set(positions), key=int), "each once, in order"
    assert events.end() == 130
    logs = Follower(system, "logs", "production", "web", "--follow")
    until(lambda: "serving v2" in logs.out, 10, "what was")
    another_server(system)
    system.must("restart", "production", "web", "--wait")
    until(lambda: len({x.partition(" ")[0] for x in logs.out.splitlines()}) >= 4, 15, "who came since")
    assert logs.end() == 130

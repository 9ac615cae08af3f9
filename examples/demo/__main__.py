"""``make demo``: a push, and three releases by canary: a good one, a bad one, the treacherous one pushed."""

import argparse
import threading
import time

from examples.demo import summary
from examples.demo.machine import Machine, Traffic
from examples.demo.pipeline import Following, Pipeline
from examples.demo.screen import Screen

RATE = 80.0
BUILT_BEFOREHAND = ("v1.0", "v2.0", "v3.0")
PUSHED = "v4.0"


class Demo:
    """The play, act by act."""

    def __init__(self, machine: Machine, screen: Screen) -> None:
        self.machine = machine
        self.screen = screen
        self.traffic: Traffic | None = None
        self._ended = threading.Event()

    def watch(self) -> None:
        """Keep the picture fresh."""
        while not self._ended.wait(0.7):
            environments = self.machine.environments()
            if environments is not None:
                self.screen.show(environments, self.traffic.seconds if self.traffic else [])

    def play(self) -> None:
        """All acts."""
        say = self.screen.say
        say("carelane up: a server, and a front door for each environment")
        self.machine.carelane("up", "--detach")
        watching = threading.Thread(target=self.watch, daemon=True)
        watching.start()
        say(f"git push: a developer's {PUSHED} goes to main, where the pipeline tests, builds and ships it")
        following = Following(Pipeline(self.machine, PUSHED), self.screen.show_jobs)
        say("meanwhile: releases of v1.0 to v3.0 are packed from their commits; dependencies are built once")
        for release in BUILT_BEFOREHAND:
            self.machine.carelane("release", "create", "--commit", release)
        say("v1.0 goes to production")
        self._deploy("production", "v1.0")
        following.tested()
        say(f"the staff starts work: {RATE:g} requests a second in production")
        self.traffic = Traffic(self.machine, RATE)
        self._until_served("v1.0", 2)
        say("v2.0 is good: half of the users get it as a canary, until it is shown to be")
        self._deploy("production", "v2.0")
        say("v3.0 answers one request in twenty with an error: nobody has to notice")
        self._deploy("production", "v3.0")
        took = following.arrived()
        say(f"{PUSHED} is in development by itself, {took:.0f} s after git push")
        say(f"{PUSHED} goes on to production: a good canary, but later every fifth answer is an error")
        self._deploy("production", PUSHED)
        self._until_failing(PUSHED)
        say("carelane emergency-rollback production")
        done = self.machine.carelane("emergency-rollback", "production", "--reason", "v4.0 answers errors")
        for line in done.stdout.splitlines():
            say(line)
        time.sleep(3)
        self.traffic.end()
        self._ended.set()
        watching.join(5)

    def _deploy(self, environment: str, release: str) -> None:
        arguments = ("deploy", environment, "--release", release, "--reason", "the demo", "--wait")
        done = self.machine.carelane(*arguments, check=False)
        if done.returncode not in {0, 10}:
            raise SystemExit(f"carelane {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        last = (
            done.stderr.strip().splitlines()[0]
            if done.returncode
            else f"{release} is stable in {environment}"
        )
        self.screen.say(last.removeprefix("error: "))

    def _until_failing(self, release: str) -> None:
        """Wait until users of *release* see errors for the third second; two minutes at most."""
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up and self.traffic is not None:
            seconds = [s for s in self.traffic.seconds if release in s["versions"] and summary.errors_in(s)]
            if len([s for s in seconds[-3:] if time.time() - s["at"] < 5]) == 3:
                return
            time.sleep(0.1)
        raise SystemExit(f"{release} did not fail within two minutes")

    def _until_served(self, release: str, seconds: int) -> None:
        """Wait until *release* has served users for so many seconds; half a minute at most."""
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up and self.traffic is not None:
            if sum(release in second["versions"] for second in self.traffic.seconds) >= seconds:
                return
            time.sleep(0.2)
        raise SystemExit(f"nobody was served by {release} within 30 s")


def main() -> None:
    """Play, print the table, and clear up unless told to keep everything."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running and print the addresses")
    keep: bool = parser.parse_args().keep
    began = time.monotonic()
    screen = Screen()
    machine = Machine()
    demo = Demo(machine, screen)
    try:
        demo.play()
        screen.close()
        screen.console.print(summary.table(machine, demo.traffic.seconds if demo.traffic else []))
        screen.console.print(f"the demo took {time.monotonic() - began:.0f} s")
    finally:
        screen.close()
        if demo.traffic is not None:
            demo.traffic.end()
        if keep:
            print(f"still running, in {machine.folder}:")
            for name, port in machine.ports.items():
                print(f"  {name:<12} http://127.0.0.1:{port}  (sign in as frontdesk01, see its README)")
            print(f"  cd {machine.folder} && carelane status; carelane down ends it")
        else:
            machine.remove()


if __name__ == "__main__":
    main()

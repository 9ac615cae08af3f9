"""What people ask of what is under way, in random schedules of any kind."""

import random

from tests.fakes.simulation import Simulation


class Asking:
    """The steps of a schedule that are the same wherever its environment runs."""

    chance: random.Random
    simulation: Simulation

    def _abort(self) -> None:
        self.simulation.abort()

    def _pause(self) -> None:
        self.simulation.pause()

    def _resume(self) -> None:
        self.simulation.resume()

    def _promote(self) -> None:
        self.simulation.promote(full=self.chance.random() < 0.5)

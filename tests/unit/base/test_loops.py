"""A loop goes on whatever happens in it, until it is stopped."""

from carelane.base.loops import Loop


def test_an_error_is_reported_and_ends_nothing() -> None:
    reported: list[str] = []
    steps: list[int] = []

    def step() -> float:
        steps.append(len(steps))
        loop.wake()
        if len(steps) == 3:
            loop.stop()
        if len(steps) == 2:
            raise ValueError("once")
        return 3600.0

    loop = Loop("engine", step, lambda name, error: reported.append(f"{name}: {error}"))
    loop.run()
    assert (steps, reported) == ([0, 1, 2], ["engine: once"])


def test_a_stopped_loop_takes_no_step() -> None:
    steps: list[int] = []

    def step() -> float:
        steps.append(1)
        return 0.0

    loop = Loop("engine", step, lambda *_: None)
    loop.stop()
    loop.run()
    assert steps == []

"""Run many schedules: ``python -m tests.simulation FIRST COUNT [clusters]``; exits 1 where one fails."""

import sys

from tests.simulation.clusters import ClusterSchedule
from tests.simulation.schedules import Schedule

EVERY = 500


def main(first: int, count: int, kind: type[Schedule | ClusterSchedule] = Schedule) -> int:
    """Run *count* seeds from *first* on; how many failed."""
    failed = 0
    for seed in range(first, first + count):
        try:
            kind(seed).run()
        except Exception as error:  # noqa: BLE001 - each is told, and the next seed runs
            failed += 1
            print(f"seed {seed}: {type(error).__name__}: {str(error)[:2000]}", flush=True)  # noqa: T201
        if (seed - first + 1) % EVERY == 0:
            print(f"{seed - first + 1} of {count} schedules, {failed} failed", flush=True)  # noqa: T201
    return failed


if __name__ == "__main__":
    asked = ClusterSchedule if sys.argv[3:] == ["clusters"] else Schedule
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), asked) > 0)

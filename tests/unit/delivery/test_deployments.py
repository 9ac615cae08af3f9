from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery.deployments import (
    ENDED,
    ROLLOUT_TRANSITIONS,
    TRANSITIONS,
    Deployment,
    Kind,
    Phase,
    RolloutPhase,
    check_transition,
)
from tests.fakes.releases import MADE_AT

WAITING = Deployment(7, "production", "v1", Kind.DEPLOY, "alice", "", MADE_AT)


def test_every_phase_has_its_transitions_and_ended_ones_have_none() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert set(ROLLOUT_TRANSITIONS) == set(RolloutPhase)
    assert {phase for phase, to in TRANSITIONS.items() if not to} == ENDED


def test_from_every_phase_that_has_not_ended_an_end_can_be_reached() -> None:
    reached = set(ENDED)
    for _ in Phase:
        reached |= {phase for phase, to in TRANSITIONS.items() if to & reached}
    assert reached == set(Phase)


def test_what_is_aborting_can_only_end() -> None:
    assert TRANSITIONS[Phase.ABORTING] <= ENDED
    assert Phase.SUCCEEDED not in TRANSITIONS[Phase.ABORTING]
    assert ROLLOUT_TRANSITIONS[RolloutPhase.ABORTING] == {RolloutPhase.DEGRADED}


@pytest.mark.parametrize("phase", sorted(ENDED))
def test_what_has_ended_cannot_become_anything(phase: Phase) -> None:
    ended = replace(WAITING, phase=phase)
    assert ended.ended
    with pytest.raises(ConflictError, match=f"deployment 7 is {phase} and cannot become Progressing"):
        check_transition(ended, Phase.PROGRESSING)


def test_an_allowed_transition_passes() -> None:
    check_transition(WAITING, Phase.PROGRESSING)
    assert not WAITING.ended

"""Who asks is who the kernel says, and nobody else."""

import os
import pwd

import pytest

from carelane.api.actors import actor_of
from carelane.base.errors import NotSignedIn


def test_the_actor_is_the_peer_s_user() -> None:
    assert actor_of(("uid", os.getuid())) == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_is_still_somebody() -> None:
    assert actor_of(("uid", 4_000_000)) == "uid 4000000"


@pytest.mark.parametrize("client", [None, ("127.0.0.1", 5000)])
def test_a_connection_that_is_not_the_socket_s_is_nobody_s(client: tuple[str, int] | None) -> None:
    with pytest.raises(NotSignedIn) as refused:
        actor_of(client)
    assert (refused.value.status, refused.value.exit_code) == (401, 3)

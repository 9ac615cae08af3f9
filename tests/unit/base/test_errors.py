from collections.abc import Iterator

import pytest

from carelane.base import errors
from carelane.base.errors import BY_EXIT_CODE, CarelaneError


def below(kind: type[CarelaneError]) -> Iterator[type[CarelaneError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


KINDS = sorted(below(CarelaneError), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_an_exit_code_a_status_and_a_title(kind: type[CarelaneError]) -> None:
    error = kind("what", hint="try this")
    assert error.exit_code in {2, 3, 4, 5, 6, 10, 11, 70}
    assert 400 <= error.status < 600
    assert error.title
    assert (str(error), error.message, error.hint) == ("what", "what", "try this")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_drawn_in_the_tree(kind: type[CarelaneError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_an_exit_code_leads_back_to_its_kind() -> None:
    assert all(kind.exit_code == code for code, kind in BY_EXIT_CODE.items())
    assert set(BY_EXIT_CODE) == {2, 3, 4, 5, 6, 70}

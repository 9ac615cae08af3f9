"""What every Secrets must do."""

from typing import Protocol

import pytest

from localhub.runs.ports import Secrets
from tests.contract.localhub.runs import EACH, TOGETHER, together

APP = "acme/app"
KINDS = ["secrets", "variables"]


class Keeping(Secrets, Protocol):
    """Secrets, and how somebody who may sets them."""

    def keep(
        self, repository: str, name: str, value: str, *, environment: str = "", kind: str = "secrets"
    ) -> None:
        """Keeps a value."""
        ...


def given(keeping: Secrets, kind: str, repository: str, environment: str | None) -> dict[str, str]:
    """What a job of that environment is given of a kind."""
    ask = keeping.of if kind == "secrets" else keeping.variables
    return ask(repository, environment)


@pytest.mark.parametrize("kind", KINDS)
class SecretsContract:
    """Subclasses give `keeping`: a new Secrets in which nothing is kept."""

    @pytest.fixture
    def keeping(self) -> Keeping:
        raise NotImplementedError

    def test_where_nothing_is_kept_nothing_is_given(self, keeping: Keeping, kind: str) -> None:
        assert given(keeping, kind, APP, None) == {}
        assert given(keeping, kind, APP, "production") == {}

    def test_a_repositorys_are_given_with_and_without_an_environment(
        self, keeping: Keeping, kind: str
    ) -> None:
        keeping.keep(APP, "A", "1", kind=kind)
        keeping.keep(APP, "B", "2", kind=kind)
        assert given(keeping, kind, APP, None) == {"A": "1", "B": "2"}
        assert given(keeping, kind, APP, "production") == {"A": "1", "B": "2"}

    def test_an_environments_come_before_the_repositorys(self, keeping: Keeping, kind: str) -> None:
        keeping.keep(APP, "A", "production's", environment="production", kind=kind)
        keeping.keep(APP, "A", "the repository's", kind=kind)
        keeping.keep(APP, "B", "2", kind=kind)
        keeping.keep(APP, "C", "3", environment="production", kind=kind)
        assert given(keeping, kind, APP, "production") == {"A": "production's", "B": "2", "C": "3"}
        assert given(keeping, kind, APP, None) == {"A": "the repository's", "B": "2"}

    def test_an_environments_are_given_to_no_other(self, keeping: Keeping, kind: str) -> None:
        keeping.keep(APP, "A", "1", environment="production", kind=kind)
        assert given(keeping, kind, APP, "staging") == {}
        assert given(keeping, kind, APP, None) == {}
        assert given(keeping, kind, APP, "") == {}

    def test_a_repositorys_are_given_to_no_other(self, keeping: Keeping, kind: str) -> None:
        keeping.keep("acme/a", "A", "1", kind=kind)
        keeping.keep("acme/b", "A", "2", environment="production", kind=kind)
        assert given(keeping, kind, "acme/a", "production") == {"A": "1"}
        assert given(keeping, kind, "acme/b", "production") == {"A": "2"}
        assert given(keeping, kind, "acme/b", None) == given(keeping, kind, APP, None) == {}

    def test_secrets_are_no_variables_and_the_other_way_round(self, keeping: Keeping, kind: str) -> None:
        keeping.keep(APP, "A", f"of {kind}", kind=kind)
        assert given(keeping, kind, APP, None) == {"A": f"of {kind}"}
        (other,) = set(KINDS) - {kind}
        assert given(keeping, other, APP, None) == {}

    def test_the_last_value_kept_counts(self, keeping: Keeping, kind: str) -> None:
        for value in ("1", "", "3"):
            keeping.keep(APP, "A", value, kind=kind)
            assert given(keeping, kind, APP, None) == {"A": value}

    def test_names_are_told_apart_by_their_letters_alone(self, keeping: Keeping, kind: str) -> None:
        keeping.keep(APP, "Token", "1", kind=kind)
        keeping.keep(APP, "tOKEN", "2", kind=kind)
        assert given(keeping, kind, APP, None) == {"TOKEN": "2"}

    @pytest.mark.parametrize("value", ["", " a b ", "one\ntwo\r\n", "ünïcode — 🚀", '"{\\', "0\0\ud800"])
    def test_a_value_comes_back_whole(self, keeping: Keeping, kind: str, value: str) -> None:
        keeping.keep(APP, "A", value, kind=kind)
        assert given(keeping, kind, APP, None) == {"A": value}

    def test_what_is_given_is_the_takers_own(self, keeping: Keeping, kind: str) -> None:
        keeping.keep(APP, "A", "1", kind=kind)
        given(keeping, kind, APP, None)["A"] = "changed"
        assert given(keeping, kind, APP, None) == {"A": "1"}

    def test_what_many_keep_at_once_is_all_kept(self, keeping: Keeping, kind: str) -> None:
        def keep(thread: int) -> None:
            for number in range(EACH):
                keeping.keep(APP, f"T{thread}_{number}", f"{number}", kind=kind)

        together(keep)
        expected = {
            f"T{thread}_{number}": f"{number}" for thread in range(TOGETHER) for number in range(EACH)
        }
        assert given(keeping, kind, APP, None) == expected

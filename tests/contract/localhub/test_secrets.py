"""Secrets: in memory, and in files."""

from pathlib import Path

import pytest

from localhub.base.errors import InputError
from localhub.store.secrets import SecretFiles, new_token, tokens
from tests.contract.localhub.runs import EACH, TOGETHER, together
from tests.contract.localhub.secrets import APP, SecretsContract
from tests.fakes.localhub import FakeSecrets


class TestFakeSecrets(SecretsContract):
    @pytest.fixture
    def keeping(self) -> FakeSecrets:
        return FakeSecrets()


class TestSecretFiles(SecretsContract):
    @pytest.fixture
    def keeping(self, tmp_path: Path) -> SecretFiles:
        return SecretFiles(tmp_path / "secrets")

    def test_another_process_finds_them(self, tmp_path: Path, keeping: SecretFiles, kind: str) -> None:
        keeping.keep(APP, "A", "1", environment="production", kind=kind)
        SecretFiles(tmp_path / "secrets").keep(APP, "B", "2", kind=kind)
        found = SecretFiles(tmp_path / "secrets")
        assert (found.of if kind == "secrets" else found.variables)(APP, "production") == {"A": "1", "B": "2"}

    def test_their_owner_alone_may_read_them(self, tmp_path: Path, keeping: SecretFiles, kind: str) -> None:
        for value in ("1", "2"):
            keeping.keep(APP, "A", value, kind=kind)
            holding = [path for path in (tmp_path / "secrets").iterdir() if value in path.read_text()]
            assert [path.stat().st_mode & 0o777 for path in holding] == [0o600]
            assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("name", ["", "1A", "A-B", "Ä", "A B", "A\n", "GITHUB_TOKEN", "github_x"])
    def test_a_name_that_github_would_not_take_is_refused(
        self, keeping: SecretFiles, kind: str, name: str
    ) -> None:
        with pytest.raises(InputError, match="cannot be a name"):
            keeping.keep(APP, name, "1", kind=kind)
        assert keeping.of(APP, None) == keeping.variables(APP, None) == {}


def test_tokens_that_many_ask_for_at_once_are_all_good(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"

    def ask(thread: int) -> None:
        for number in range(EACH):
            new_token(file, f"ada{thread}-{number}")

    together(ask)
    assert len(tokens(file)) == TOGETHER * EACH
    assert file.stat().st_mode & 0o777 == 0o600

"""localhub.yaml: what it may say, and what is said of what it may not."""

from pathlib import Path

import pytest

from localhub.base.errors import InputError
from localhub.hub import settings


def read(folder: Path, text: str) -> settings.Settings:
    file = folder / "localhub.yaml"
    file.write_text(text, encoding="utf-8")
    return settings.read(file, folder)


def test_without_a_file_a_job_has_a_sandbox_and_its_home_on_disk(tmp_path: Path) -> None:
    found = settings.read(None, tmp_path)
    assert (found.sandbox, found.home_memory_mb, found.network) == ("bubblewrap", None, True)


def test_what_is_written_is_what_holds(tmp_path: Path) -> None:
    found = read(tmp_path, "slots: 3\nhome_memory_mb: 512\nactions: {acme/tool: ./tool}\nlabels: [GPU]")
    assert (found.slots, found.home_memory_mb, found.labels) == (3, 512, ("gpu",))
    assert found.actions == {"acme/tool": tmp_path / "tool"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slotz: 3", "unknown key 'slotz'"),
        ("slots: 0", "slots is 0"),
        ("slots: true", "slots is True"),
        ("slots: many", "slots is 'many'"),
        ("home_memory_mb: 0", "home_memory_mb is 0"),
        ("home_memory_mb: true", "home_memory_mb is True"),
        ("{home_memory_mb: 512, sandbox: none}", "home_memory_mb needs a sandbox"),
        ("sandbox: docker", "sandbox is 'docker'"),
        ("- slots", "a mapping is expected"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"localhub\.yaml: ") as refused:
        read(tmp_path, text)
    assert said in refused.value.message

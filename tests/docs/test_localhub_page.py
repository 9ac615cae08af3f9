"""docs/localhub.md: each row of what is supported, refused or different names what shows it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "localhub.md").read_text(encoding="utf-8")
ROWS = [
    line
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)
    if part.startswith("What of")
    for line in part.splitlines()
    if line.startswith("| ") and not line.startswith("| what ")
]


def test_there_are_rows_of_actions_and_of_the_api() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:60])
def test_what_shows_it_is_there(row: str) -> None:
    shown_by = re.split(r"(?<!\\)\|", row)[-2]
    folder = ROOT
    for name in re.sub(r"\(.*?\)", "", shown_by).split(","):
        place = (ROOT if "/" in name else folder) / name.strip()
        assert name.strip(), "no test is named"
        assert place.is_file() or any(place.rglob("test_*.py")), f"no test is at {name!r}"
        folder = place.parent

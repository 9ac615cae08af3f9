"""Secrets never reach a log, a database or an answer: they become ***, in every form GitHub masks too."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from ahocorasick_rs import AhoCorasick, MatchKind

SHORTEST = 3
"""A mask of one or two characters would star out whole logs, and hides nothing."""


class Masks:
    """What must not be read, and its disguises: base64 at each alignment, JSON, URL and a line each."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._words: set[str] = set()
        self._sorted: list[_Words] = []  # each more than twice as many as the next: few are made anew at once
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hides this value from now on; words shorter than three characters are left as they are."""
        words = {
            secret,
            secret.strip(),
            *secret.splitlines(),
            *(line.strip() for line in secret.splitlines()),
        }
        forms = set()
        for word in words:
            if len(word) < SHORTEST:
                continue
            forms |= {word, quote(word, safe=""), json.dumps(word)[1:-1], word.replace('"', '\\"')}
            forms |= set(_encoded(word))
        fresh = {form for form in forms if len(form) >= SHORTEST} - self._words
        if not fresh:
            return
        self._words |= fresh
        while self._sorted and len(self._sorted[-1].words) <= 2 * len(fresh):
            fresh |= self._sorted.pop().words
        self._sorted.append(_Words(fresh))

    def hide(self, text: str) -> str:
        """The text with every secret as ***; those that overlap as one."""
        pieces, at = [], 0
        for start, end in _joined(sorted(place for words in self._sorted for place in words.places(text))):
            pieces += [text[at:start], "***"]
            at = end
        return "".join([*pieces, text[at:]])


@dataclass
class _Words:
    """Some of the words, and what finds them, made when it is needed first."""

    words: set[str]
    _finder: AhoCorasick | None = None

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they are, one within another too."""
        if self._finder is None:
            self._finder = AhoCorasick(self.words, matchkind=MatchKind.Standard)
        return (
            (start, end) for _, start, end in self._finder.find_matches_as_indexes(text, overlapping=True)
        )


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The *places*, in order, those that overlap made one."""
    found: list[tuple[int, int]] = []
    for start, end in places:
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _encoded(word: str) -> Iterable[str]:
    """Base64 of the word wherever it may begin: three alignments, without the shared ends."""
    data = word.encode()
    yield base64.b64encode(data).decode().rstrip("=")
    for shift in (1, 2):
        text = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        whole = text[shift + 1 :]
        tail = (len(data) + shift) % 3
        yield whole[:-1] if tail else whole

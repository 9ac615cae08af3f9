"""Secrets never reach a log, a database or an answer: they become ***, in every form GitHub masks too."""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

from ahocorasick_rs import AhoCorasick, MatchKind

SHORTEST = 3
"""A mask of one or two characters would star out whole logs, and hides nothing."""


class Masks:
    """What must not be read, and its disguises: base64 at each alignment, JSON, URL and a line each."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._words: set[str] = set()
        self._finder: AhoCorasick | None = None  # made anew when a word has come
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
        if fresh:
            self._words |= fresh
            self._finder = None

    def hide(self, text: str) -> str:
        """The text with every secret as ***; the longest where several begin at one place."""
        if not self._words:
            return text
        if self._finder is None:
            self._finder = AhoCorasick(self._words, matchkind=MatchKind.LeftmostLongest)
        pieces, at = [], 0
        for _, start, end in self._finder.find_matches_as_indexes(text):
            pieces += [text[at:start], "***"]
            at = end
        return "".join([*pieces, text[at:]])


def _encoded(word: str) -> Iterable[str]:
    """Base64 of the word wherever it may begin: three alignments, without the shared ends."""
    data = word.encode()
    yield base64.b64encode(data).decode().rstrip("=")
    for shift in (1, 2):
        text = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        whole = text[shift + 1 :]
        tail = (len(data) + shift) % 3
        yield whole[:-1] if tail else whole

"""GitHub's filter patterns, for branches, tags and paths.

Matched state by state, not by a regular expression made from them: `*+*+*+` would take one for ever.

Source: docs.github.com, "Workflow syntax", "Filter pattern cheat sheet".
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Atom:
    """One thing to match: a character out of *characters* (None: any; with *slashes* a `/` too).

    *skips* says how many atoms may be passed over from here; *repeats* that it may match again.
    """

    characters: frozenset[str] | None
    slashes: bool = False
    skips: tuple[int, ...] = ()
    repeats: bool = False

    def accepts(self, character: str) -> bool:
        """Whether it matches a character."""
        if self.characters is None:
            return self.slashes or character != "/"
        return character in self.characters


ANYTHING = Atom(None, slashes=True, skips=(1,), repeats=True)
WITHIN_A_NAME = Atom(None, skips=(1,), repeats=True)
ANY_FOLDERS = (Atom(frozenset(), skips=(1, 3)), ANYTHING, Atom(frozenset("/")))
"""`**/` at the start of a name: either anything and a slash, or nothing at all."""


def selected(patterns: Iterable[str], name: str) -> bool:
    """Whether a name is in after all patterns in their order: a match of `!pattern` takes it out again."""
    chosen = False
    for pattern in patterns:
        if pattern.startswith("!"):
            chosen = chosen and not matches(pattern[1:], name)
        else:
            chosen = chosen or matches(pattern, name)
    return chosen


def matches(pattern: str, name: str) -> bool:
    """Whether a whole name matches one pattern."""
    found = atoms(pattern)
    states = reached({0}, found)
    for character in name:
        states = reached(
            {
                after
                for state in states
                if state < len(found) and found[state].accepts(character)
                for after in ((state, state + 1) if found[state].repeats else (state + 1,))
            },
            found,
        )
    return len(found) in states


def reached(states: set[int], found: list[Atom]) -> set[int]:
    """The states with those that skipping leads to."""
    waiting = list(states)
    while waiting:
        state = waiting.pop()
        skips = found[state].skips if state < len(found) else ()
        for after in (state + skip for skip in skips):
            if after not in states:
                states.add(after)
                waiting.append(after)
    return states


def atoms(pattern: str) -> list[Atom]:
    """What a pattern is made of."""
    found: list[Atom] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            found += ANY_FOLDERS
            at += 3
        elif pattern.startswith("**", at):
            found.append(ANYTHING)
            at += 2
        elif character == "*":
            found.append(WITHIN_A_NAME)
            at += 1
        elif character in "?+" and found:
            found[-1] = repeated(found[-1], character)
            at += 1
        elif character == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at)
            found.append(Atom(frozenset(listed(pattern[at + 1 : end]))))
            at = end + 1
        else:
            at += character == "\\" and at + 1 < len(pattern)
            found.append(Atom(frozenset(pattern[at])))
            at += 1
    return found


def repeated(atom: Atom, sign: str) -> Atom:
    """An atom with `?` (none or one) or `+` (one or more) after it."""
    if sign == "?":
        return Atom(atom.characters, atom.slashes, atom.skips or (1,), atom.repeats)
    return Atom(atom.characters, atom.slashes, atom.skips, repeats=True)


def listed(inside: str) -> set[str]:
    """The characters that stand between brackets, with ranges such as `0-9`."""
    found: set[str] = set()
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            found |= {chr(code) for code in range(ord(inside[at]), min(ord(inside[at + 2]), 0x7F) + 1)}
            at += 3
        else:
            found.add(inside[at])
            at += 1
    return found

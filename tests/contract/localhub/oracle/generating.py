"""Expressions made at random, the same ones for the same seed: every operator, function and coercion."""

import random
from collections.abc import Callable

from localhub.expressions import Value

CONTEXTS: dict[str, Value] = {
    "github": {
        "ref": "refs/heads/main",
        "actor": "Ada",
        "run_number": 42,
        "event": {
            "number": 7,
            "draft": False,
            "labels": [{"name": "bug", "id": 1}, {"name": "Area/UI"}, {"id": 3}, "loose", None],
            "commits": [[1, 2], [3], "x"],
            "title": "It's {0} <b>é</b>",
        },
    },
    "matrix": {"py": 3.12, "os": "ubuntu-latest", "flag": True, "nothing": None, "big": 1e21, "small": 1e-7},
    "needs": {
        "a": {
            "result": "success",
            "outputs": {"v": "1.10", "json": '{"k": [1, "two", null], "K2": {"x": 0}}'},
        },
        "b": {"result": "failure", "outputs": {}},
    },
    "env": {"EMPTY": "", "SPACE": " 12 ", "HEX": "0xfF", "LIST": '["a", "B", 1.0]', "Name": "x"},
}

LITERALS = """
null true false 0 1 -1 +2 .5 1. 1.5 -1.25e2 1e3 1E-3 0xff 0XFF 0o17 0b101 1e21 1e22 123456789.125 1e-7
12345678901234567890 0.1 NaN Infinity -Infinity 9007199254740993 1.7976931348623157e308 5e-324 0.000001
"""
NAMES = """
ref actor REF event labels name id number outputs v json a b K k py os flag nothing EMPTY HEX missing x
"""
TEXTS = """
a ~ A ~ abc ~ ABC ~ b ~ 0 ~ 1 ~ 1.0 ~ 0x1F ~ 1e1 ~ true ~ null ~ NaN ~ Infinity ~ {0} ~ {0} and {1}
{{{0}}} ~ {1}{0} ~ { ~ } ~ {{}} ~ {x} ~ {0:x} ~ {00} ~ {9} ~ it''s ~ é ~ ß ~ I ~ Z ~ _ ~ [1, 2]
{"a": 1} ~ [1, "a", null, true, {"b": [2]}] ~ [ ~ tru ~ "s" ~ -0 ~ 1e400 ~ a,b ~ 😀 ~ {"A": 1, "a": 2}
[NaN] ~ 01 ~ bug
"""
ODD_TEXTS = ["", " 1 ", "\u0131", "\u0130", "\uffff", "line\nbreak", '"\\u0041\\n"']
BROKEN = """
1 + ~ (1 ~ 1) ~ a..b ~ github. ~ github.[0] ~ 'open ~ nope ~ nope.x ~ nope() ~ ! ~ 1 2 ~ github ref
&& 1 ~ 1 && ~ 1 & 2 ~ 1 | 2 ~ 1 = 2 ~ github['ref' ~ contains('a') ~ contains(1,2,3) ~ format()
join() ~ toJSON() ~ toJSON(1,2) ~ fromJSON() ~ always(1) ~ hashFiles() ~ case(true, 1)
case(1, 2, 3) ~ case(true, 1, 2, 3) ~ 1.2.3 ~ 0xZZ ~ --1 ~ - 1 ~ 'a'.b ~ 'a'[0] ~ 1[0] ~ true.x
a "b" ~ github.1 ~ github.*. ~ [1] ~ {} ~ $ ~ @ ~ github.re f ~ success( ~ success) ~ () ~ (())
format('{0}',) ~ !! ~ == 1 ~ 1 < > 2 ~ a-b.c ~ -a ~ github['ref']] ~ # ~ 1 // 2 ~ 1 % 2
"""
ODD_BROKEN = ["", " ", "1 == "]


def listed(text: str) -> list[str]:
    """The entries of a list above, which stand between tildes."""
    return [entry.strip() for line in text.strip().splitlines() for entry in line.split(" ~ ")]


class Generator:
    """Makes expressions from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.literals, self.names = LITERALS.split(), NAMES.split()
        self.texts, self.wrong = listed(TEXTS) + ODD_TEXTS, listed(BROKEN) + ODD_BROKEN

    def expression(self) -> str:
        """One expression; one in fifteen is broken, and some that look right fail."""
        if self.random.random() < 1 / 15:
            return self.broken()
        make = self.random.choice([self.made, self.call, self.path, self.logical])
        found, other = make(self.random.randint(1, 3)), self.made(1)
        forms = [
            "{0}",
            "{0}",
            "{0}",
            "toJSON({0})",
            "format('{{0}}, {{1}}', {0}, {1})",
            "join({0}, {1})",
            "{0} || {1}",
        ]
        return self.random.choice(forms).format(found, other)

    def distinct(self, count: int) -> list[str]:
        """So many different ones."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.expression()] = None
        return list(found)

    def broken(self) -> str:
        """One that is none, by itself or within others."""
        wrong = self.random.choice(self.wrong)
        return self.random.choice([wrong, f"true || {wrong}", f"format('{{0}}', {wrong})", f"({wrong})"])

    def made(self, depth: int) -> str:
        """One of at most this depth."""
        if depth <= 0:
            return self.leaf()
        make: list[Callable[[int], str]] = [
            self.binary,
            self.binary,
            self.logical,
            self.negated,
            self.grouped,
            self.call,
            self.call,
            self.path,
            lambda _: self.leaf(),
        ]
        return self.random.choice(make)(depth - 1)

    def leaf(self) -> str:
        """A literal or a plain context."""
        chosen = self.random.random()
        if chosen < 0.3:
            return self.random.choice(self.literals)
        if chosen < 0.65:
            return self.text()
        return self.path(0)

    def text(self) -> str:
        """A text literal."""
        return f"'{self.random.choice(self.texts)}'"

    def space(self) -> str:
        """What may stand between tokens."""
        return self.random.choice(["", " ", " ", "  ", "\n", "\t"])

    def binary(self, depth: int) -> str:
        """A comparison; a space after what could go on as a number or name."""
        operator = self.random.choice(["==", "!=", "<", "<=", ">", ">="])
        return f"{self.made(depth)}{self.space()}{operator}{self.space()}{self.made(depth)}"

    def logical(self, depth: int) -> str:
        """Some operands with && and ||."""
        operands = [self.made(depth) for _ in range(self.random.randint(2, 3))]
        joined = operands[0]
        for operand in operands[1:]:
            joined += f" {self.random.choice(['&&', '||'])} {operand}"
        return joined

    def negated(self, depth: int) -> str:
        """A negation."""
        return f"!{self.space()}{self.made(depth)}"

    def grouped(self, depth: int) -> str:
        """A group, perhaps dereferenced."""
        return f"({self.space()}{self.made(depth)}{self.space()}){self.steps(depth)}"

    def path(self, depth: int) -> str:
        """A context and what is dereferenced from it: mostly what is there."""
        if self.random.random() < 0.7:
            return self.existing()
        known = [
            "github.event.labels",
            "github.event.commits",
            "github.event",
            "needs",
            "needs.a.outputs",
            "matrix",
            "env",
            "github",
            "fromJSON(needs.a.outputs.json)",
            "fromJSON(env.LIST)",
        ]
        return self.random.choice(known) + self.steps(depth)

    def existing(self) -> str:
        """A dereference of what is there, in one of its spellings."""
        name = self.random.choice(list(CONTEXTS))
        found, value = self.random.choice([name, name.upper()]), CONTEXTS[name]
        while isinstance(value, (dict, list)) and value and self.random.random() < 0.9:
            if isinstance(value, list):
                at = self.random.randrange(len(value))
                found, value = (
                    f"{found}[{self.random.choice([str(at), str(at + 0.5), repr(str(at))])}]",
                    value[at],
                )
            else:
                key = self.random.choice(list(value))
                found += self.random.choice([f".{key}", f"['{key}']", f".{key.swapcase()}"])
                value = value[key]
        return found

    def steps(self, depth: int) -> str:
        """Some dereferences."""
        found = ""
        for _ in range(self.random.randint(0, 3)):
            kind = self.random.random()
            if kind < 0.5:
                found += f".{self.random.choice(self.names)}"
            elif kind < 0.65:
                found += self.random.choice([".*", "[*]"])
            elif kind < 0.85:
                found += (
                    f"[{self.random.choice([*self.literals[:12], repr(self.random.choice(self.names))])}]"
                )
            else:
                found += f"[{self.made(depth - 1)}]"
        return found

    def call(self, depth: int) -> str:
        """A function with arguments that are mostly of a fitting number."""
        name, least, most = self.random.choice(
            [
                ("contains", 2, 2),
                ("startsWith", 2, 2),
                ("ENDSWITH", 2, 2),
                ("format", 1, 4),
                ("join", 1, 2),
                ("toJSON", 1, 1),
                ("fromJson", 1, 1),
                ("case", 3, 3),
                ("case", 5, 5),
                ("success", 0, 1),
                ("failure", 0, 0),
                ("cancelled", 0, 0),
                ("always", 0, 0),
                ("hashFiles", 1, 2),
            ]
        )
        count = self.random.randint(least, most)
        arguments = [self.made(depth) for _ in range(count)]
        if name == "case":
            arguments[:-1:2] = [f"({each} == {self.leaf()})" for each in arguments[:-1:2]]
        if name in {"format", "fromJson"} and self.random.random() < 0.7:
            arguments[0] = self.text()
        if name == "toJSON" and self.random.random() < 0.6:
            arguments[0] = self.path(depth)
        return f"{name}({', '.join(arguments)})"

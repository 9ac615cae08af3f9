"""Checks what a step wrote into GITHUB_OUTPUT and GITHUB_ENV; run in the job, by the step's shell as it ends.

act reads these files after the step: it knows no empty rows, and a row that it cannot read fails the job at
its end. So empty rows are taken out here, and a malformed row fails its step: what precedes it is kept.
This file is copied to where jobs find it, so it needs nothing but the standard library.

Source: GitHub's runner, FileCommandManager.cs.
"""

import os
import sys
from pathlib import Path

FILES = {"output": "GITHUB_OUTPUT", "env": "GITHUB_ENV"}


def checked(text: str) -> tuple[str, str]:
    """The rows that can be read, and what is wrong with the first that cannot ('': nothing)."""
    rows = iter(text.removesuffix("\n").split("\n"))
    good: list[str] = []
    for row in filter(None, rows):
        delimiter, problem = _begun(row)
        value = [row]
        if delimiter:
            for each in rows:
                value.append(each)
                if each == delimiter:
                    break
            else:
                problem = f"Invalid value. Matching delimiter not found '{delimiter}'"
        if problem:
            return "".join(f"{each}\n" for each in good), problem
        good += value
    return "".join(f"{each}\n" for each in good), ""


def _begun(row: str) -> tuple[str, str]:
    """The delimiter that ends a value of many rows ('': it has this one), and what is wrong with the row."""
    name, equals, _ = row.partition("=")
    opened, heredoc, delimiter = row.partition("<<")
    if heredoc and (not equals or len(opened) < len(name)):
        fine = opened and delimiter
        wrong = f"Invalid format '{row}'. Name must not be empty and delimiter must not be empty"
        return (delimiter, "") if fine else ("", wrong)
    if not equals:
        return "", f"Invalid format '{row}'"
    return "", "" if name else f"Invalid format '{row}'. Name must not be empty"


def main() -> int:
    """Checks the files of the step that runs; 1 where one is malformed."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    code = 0
    for command, variable in FILES.items():
        file = Path(os.environ.get(variable, ""))
        if not file.is_file():
            continue
        text = file.read_bytes().decode(errors="surrogateescape")
        good, problem = checked(text)
        if good != text:
            file.write_bytes(good.encode(errors="surrogateescape"))
        if problem:
            words = problem.replace("%", "%25").replace("\r", "%0D")
            print(f"::error::Unable to process file command '{command}' successfully.")  # noqa: T201 - a step
            print(f"::error::{words}")  # noqa: T201 - a step
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())

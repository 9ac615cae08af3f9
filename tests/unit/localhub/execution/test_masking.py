"""A secret is never readable, in whatever form it is printed."""

import base64
import json
import random
import string
from urllib.parse import quote

from localhub.execution.masking import Masks

SEED = 20261125
PRINTABLE = string.ascii_letters + string.digits + "+/=-_!$%&\"'\\ @#"


def secrets(count: int) -> list[str]:
    chosen = random.Random(SEED)  # noqa: S311 - test data, the same each time
    return ["".join(chosen.choices(PRINTABLE, k=chosen.randint(12, 60))) for _ in range(count)]


def test_a_thousand_secrets_are_hidden_as_they_are_and_in_every_form_that_people_print() -> None:
    known = secrets(1000)
    masks = Masks(known)
    for secret in known:
        data = secret.encode()
        forms = [secret, json.dumps(secret), quote(secret, safe="")]
        forms += [base64.b64encode(b"user:"[:shift] + data).decode() for shift in range(4)]
        for form in forms:
            shown = masks.hide(f"before {form} after")
            assert secret.strip() not in shown
            assert "***" in shown, form


def test_what_is_around_a_secret_in_base64_does_not_give_it_away() -> None:
    masks = Masks(["correct-horse-battery"])
    for before in ("", "a", "ab", "abc"):
        text = base64.b64encode(f"{before}correct-horse-battery:x".encode()).decode()
        assert "***" in masks.hide(text), before


def test_each_line_of_a_secret_of_several_is_hidden() -> None:
    masks = Masks(["-----BEGIN KEY-----\nabcdefghij\nklmnopqrst\n-----END KEY-----\n"])
    assert masks.hide("abcdefghij") == "***"
    assert masks.hide("x klmnopqrst y") == "x *** y"


def test_a_longer_secret_is_hidden_whole_though_a_shorter_one_is_in_it() -> None:
    assert Masks(["abc", "abcdef"]).hide("abcdef") == "***"


def test_a_secret_of_one_or_two_characters_does_not_star_out_the_log() -> None:
    assert Masks(["a", "ok", ""]).hide("all is ok") == "all is ok"


def test_what_is_masked_later_is_hidden_from_then_on() -> None:
    masks = Masks()
    masks.add("hunter2")
    assert masks.hide("hunter2") == "***"


def test_words_that_came_at_different_times_hide_what_lies_in_both() -> None:
    masks = Masks([f"word-{number}" for number in range(100)])
    for secret in ("cdefgh", "abcd", "ghij"):
        masks.add(secret)
        assert secret not in masks.hide(f"x {secret} y")
    assert masks.hide("abcdefghij klm") == "*** klm"
    assert masks.hide("word-7 abcd") == "*** ***"


def test_a_mask_more_costs_no_more_than_a_few_words_made_anew() -> None:
    masks = Masks()
    made = 0
    for number in range(2000):
        masks.add(f"masked-{number:06d}")
        masks.hide("x")
        made += len(masks._sorted[-1].words)
        assert len(masks._sorted) < 20
    assert made < 40 * len(masks._words), "each word is made anew a few times, and not each time"

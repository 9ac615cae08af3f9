"""act's rows, and those too long to be read."""

import json

import pytest

from localhub.execution import rows

LONG = json.dumps(
    {"job": 'a "quoted" job', "level": "info", "msg": 'tab\t "q" \u00fc \\' * 40, "raw_output": True},
    separators=(",", ":"),
)


@pytest.mark.parametrize("length", range(len(LONG) - 150, len(LONG) - 60))
def test_of_a_row_too_long_the_message_is_said_as_far_as_it_is_whole(length: int) -> None:
    said = rows.Reader().read(LONG[:length].encode())
    assert isinstance(said, rows.Said)
    assert said.cut
    assert json.loads(LONG)["msg"].startswith(said.text)
    assert len(said.text) > 400


def test_act_s_chatter_is_left_out() -> None:
    for row in (b'{"level":"info","msg":"x"}\n', b"Error: Job 'x' failed\n", b"7\n", b'{"msg":"bro\n'):
        assert rows.Reader().read(row) is None

"""Choosing ports, on a real machine."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carelane.base.errors import ConflictError
from carelane.bootstrap.inner_ports import InnerPorts
from carelane.platforms.processes import tcp_ports
from carelane.platforms.processes.tcp_ports import Ports, holder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Only a handful of ports to choose from."""
    lowest = tcp_ports.free_port(set())
    chosen = list(range(lowest, lowest + 12))
    monkeypatch.setattr(tcp_ports, "LOWEST", chosen[0])
    monkeypatch.setattr(tcp_ports, "HIGHEST", chosen[-1])
    monkeypatch.setattr(tcp_ports, "is_free", lambda _: True)
    return chosen


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this very process listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_no_two_are_given_the_same_port_before_either_listens(few: list[int]) -> None:
    ports = Ports()
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: ports.choose(), few))
    assert sorted(given) == few
    with pytest.raises(OSError, match="no free port"):
        ports.choose()


def test_what_any_environment_has_and_what_is_a_front_door_is_left_alone(few: list[int]) -> None:
    ports = Ports(few[:4])
    ports.heed(lambda: set(few[4:7]))
    ports.heed(lambda: set(few[7:11]))
    assert ports.choose() == few[11]


def test_who_has_a_port_is_said_by_name_and_pid(taken: int) -> None:
    assert holder(taken).endswith(f"(pid {os.getpid()})")


def test_an_inner_port_is_kept_and_replaced_only_where_nobody_counts_on_it(
    tmp_path: Path, taken: int
) -> None:
    file = tmp_path / "ports.json"
    first = InnerPorts(file, "production", Ports(), dict).of(["web"], False, False)
    assert InnerPorts(file, "production", Ports(), dict).of(["web"], False, False) == first
    file.write_text(json.dumps({"web": taken}))
    assert InnerPorts(file, "production", Ports(), dict).of(["web"], True, True) == {"web": taken}
    with pytest.raises(ConflictError, match=f"port {taken}, at which production reaches web, is taken by"):
        InnerPorts(file, "production", Ports(), dict).of(["web"], False, True)
    changed = InnerPorts(file, "production", Ports(), dict).of(["web"], False, False)
    assert changed["web"] != taken
    assert json.loads(file.read_text()) == changed


@pytest.mark.parametrize("text", ["", '{"web": 2', "[]", '{"web": "twenty"}'])
def test_inner_ports_that_are_damaged_are_those_that_instances_were_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)
    ports = InnerPorts(file, "production", Ports(), lambda: {"web": 20017})
    assert ports.of(["web"], True, True) == {"web": 20017}
    assert json.loads(file.read_text()) == {"web": 20017}

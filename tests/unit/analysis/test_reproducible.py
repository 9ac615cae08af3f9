"""Logarithms and exponentials that have the same bits everywhere."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carelane.analysis.reproducible import exp, log, log_sum_exp


@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_right_to_the_last_places(value: float) -> None:
    assert float(log(value)) == pytest.approx(math.log(value), rel=5e-16, abs=4e-16)


@given(st.floats(-700, 700))
def test_the_exponential_is_right_to_the_last_places(value: float) -> None:
    assert float(exp(value)) == pytest.approx(math.exp(value), rel=5e-16)


def test_the_edges_are_exact() -> None:
    assert log([1.0, 2.0, 0.5]).tolist() == [0.0, math.log(2), -math.log(2)]
    assert exp([0.0, -math.inf, -1000.0]).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_bits_do_not_depend_on_how_many_are_asked_for(order: str) -> None:
    values = np.random.default_rng(1).uniform(0.01, 30.0, (700, 31))
    whole = log(np.asarray(values, order="F" if order == "F" else "C"))
    assert all(whole[i, j] == log(values[i, j]) for i, j in [(0, 0), (13, 7), (300, 30), (699, 1)])
    assert (whole[::7, ::3] == log(values[::7, ::3])).all()


def test_these_bits_are_pinned_for_every_machine() -> None:
    assert log([3.0, 0.995, 1e-9]).tobytes().hex() == "0a03ad7aea93f13f12353bf3078874bfb8ff2bf327b934c0"


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9))
def test_sums_of_exponentials_never_overflow(values: list[float]) -> None:
    found = float(log_sum_exp(np.array([values]))[0])
    assert max(values) <= found <= max(values) + math.log(len(values)) + 1e-3 + abs(max(values)) * 1e-15


def test_nothing_at_all_is_no_evidence() -> None:
    assert log_sum_exp(np.full((1, 3), -np.inf)).tolist() == [-math.inf]

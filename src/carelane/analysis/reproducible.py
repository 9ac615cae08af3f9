"""Logarithm and exponential from operations that IEEE 754 rounds exactly: the same bits everywhere.

A library's own differ in the last bit between processors and versions; a verdict in the trail must
come out the same when it is computed again elsewhere, years later.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_LN2 = 0.6931471805599453
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_STEPS = 64


def _log_of_step(step: int) -> float:
    ratio = (step - _STEPS) / (step + _STEPS)
    series = 0.0
    for k in range(39, -1, -1):
        series = series * ratio * ratio + 2.0 / (2 * k + 1)
    return series * ratio


# Of 32/64 to 64/64: every mantissa is within half a step of one of them. Those below are never asked for.
_LOG_OF_STEP = np.array([0.0] * 32 + [-_LN2] + [_log_of_step(i) for i in range(33, _STEPS + 1)])
_LOG_TERMS = [2.0 / 7, 2.0 / 5, 2.0 / 3, 2.0]
# What fits into a processor's cache with its intermediate results.
_BLOCK = 8192
_FACTORIALS = [1.0, 1.0, 2.0, 6.0, 24.0, 120.0, 720.0, 5040.0, 40320.0, 362880.0, 3628800.0, 39916800.0]
_EXP_TERMS = [1.0 / f for f in [*_FACTORIALS, 479001600.0, 6227020800.0]]
_SMALLEST = -745.0
_LARGEST = 709.0


def log(values: Any) -> Array:  # noqa: ANN401 - whatever numpy takes for numbers
    """The natural logarithm of finite numbers > 0, to about 3e-16 of max(1, itself); of 1 it is 0."""
    given = np.asarray(values, dtype=np.float64)
    if given.size <= _BLOCK:
        return _log(given)
    flat = given.ravel(order="K")
    found = np.concatenate([_log(flat[i : i + _BLOCK]) for i in range(0, len(flat), _BLOCK)])
    order: Literal["F", "C"] = "C" if given.flags.c_contiguous else "F"
    return found.reshape(given.shape, order=order)


def _log(values: Array) -> Array:
    mantissa, exponent = np.frexp(values)
    mantissa *= _STEPS
    step = np.rint(mantissa)
    ratio = mantissa - step
    mantissa += step
    ratio /= mantissa
    square = ratio * ratio
    series = square * _LOG_TERMS[0]
    for term in _LOG_TERMS[1:-1]:
        series += term
        series *= square
    series += _LOG_TERMS[-1]
    series *= ratio
    series += _LOG_OF_STEP.take(step.astype(np.intp)) + exponent * _LN2
    result: Array = series
    return result


def exp(values: Any) -> Array:  # noqa: ANN401 - whatever numpy takes for numbers
    """The exponential of *values*, which are cut to what a float can hold; that of -inf is 0."""
    given = np.asarray(values, dtype=np.float64)
    cut = np.clip(given, _SMALLEST, _LARGEST)
    power = np.rint(cut * (1.0 / (_LN2_HIGH + _LN2_LOW)))
    rest = (cut - power * _LN2_HIGH) - power * _LN2_LOW
    series = np.full_like(rest, _EXP_TERMS[-1])
    for term in _EXP_TERMS[-2::-1]:
        series *= rest
        series += term
    result: Array = np.where(given < _SMALLEST, 0.0, np.ldexp(series, power.astype(np.int64)))
    return result


def log_sum_exp(values: Array) -> Array:
    """The logarithm of the sum of e to the power of *values*, over the last axis; sums in order."""
    top = values.max(axis=-1)
    floor = np.where(np.isfinite(top), top, 0.0)
    sums = np.add.accumulate(exp(values - floor[..., None]), axis=-1)[..., -1]
    result: Array = np.where(np.isfinite(top), floor + log(np.maximum(sums, 1.0)), top)
    return result

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Tails of the chi-square and beta laws in logarithms, and what the theory checks its input with.

SciPy does the special functions where their values are numbers of double precision. Tails below
that come from asymptotic series, whose error there is far below the rounding of the result.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "fractions",
    "log_beta_tail",
    "log_chi2_tail",
    "scipy_module",
    "unwrap",
    "whole_numbers",
]

Floats = NDArray[np.float64]

_DEEP = 1e-280  # below this a tail is no longer taken from SciPy


def scipy_module(function: str, module: str) -> Any:
    """Import a part of SciPy, or say who needs it."""
    try:
        return importlib.import_module(f"scipy.{module}")
    except ImportError:
        raise ImportError(
            f'{function} needs SciPy, which is not installed: pip install "isokern[scipy]"'
        ) from None


def _numbers(function: str, name: str, value: Any, expected: str) -> Floats:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{function}: {name} is {value!r}, expected {expected}")
    return array.astype(np.float64)


def _refuse(function: str, name: str, array: Floats, good: NDArray[np.bool_], text: str) -> None:
    if not np.all(good):
        first = array[~good].flat[0] if array.ndim else array[()]
        raise ValueError(f"{function}: {name} is {first:g}, expected {text}")


def whole_numbers(function: str, name: str, value: Any, low: int = 1) -> Floats:
    """Whole numbers of `low` or more, as floats."""
    text = f"a whole number of {low} or more"
    array = _numbers(function, name, value, text)
    _refuse(function, name, array, np.isfinite(array), text)
    _refuse(function, name, array, (array >= low) & (array == np.floor(array)), text)
    return array


def fractions(
    function: str, name: str, value: Any, low: float = 0, high: float = 1, *, closed: bool = False
) -> Floats:
    """Numbers between `low` and `high`, the ends excluded unless `closed`."""
    text = f"a number {'from' if closed else 'above'} {low:g} "
    text += f"{'to' if closed else 'and below'} {high:g}"
    array = _numbers(function, name, value, text)
    inside = (array >= low) & (array <= high) if closed else (array > low) & (array < high)
    _refuse(function, name, array, inside, text)
    return array


def unwrap(array: Any) -> Any:
    """A Python number for an array without axes."""
    array = np.asarray(array)
    return array if array.ndim else array.item()


def _excess(e: Floats) -> Floats:
    """Return ``e - log(1 + e)`` without cancellation at small e."""
    small = np.abs(e) < 0.05
    t = np.where(small, e, 0.0)
    series = np.zeros_like(t)
    for power in range(14, 1, -1):  # Horner's rule for t^2/2 - t^3/3 + ...
        series = t * series + (-1) ** power / power
    with np.errstate(divide="ignore"):
        direct = e - np.log1p(np.where(small, 1.0, e))
    result: Floats = np.where(small, t * t * series, direct)
    return result


def _log_deep_tail(a: Floats, e: Floats, special: Any) -> Floats:
    """Return the log of the tail of a gamma law of shape `a` beyond ``a (1 + e)``, away from a.

    N. M. Temme, "The asymptotic expansion of the incomplete gamma functions", SIAM J. Math. Anal.
    10 (1979), with two terms; its error is of relative size 1 / (100 a^2).
    """
    phi = _excess(e)
    eta = np.sqrt(2 * phi) * np.sign(e)
    z = np.abs(eta) * np.sqrt(a)
    # The ratio of a normal tail to its density, of argument z.
    mills = np.sqrt(np.pi / 2) * special.erfcx(z / np.sqrt(2))
    side = np.sign(e)
    first = 1 / e - 1 / eta
    second = 1 / eta**3 - 1 / e**3 - 1 / e**2 - 1 / (12 * e)
    total = np.sqrt(a) * mills + side * (first + second / a)
    result: Floats = -a * phi - 0.5 * np.log(2 * np.pi * a) + np.log(total)
    return result


def _log_low_tail(a: Floats, ratio: Floats, special: Any) -> Floats:
    """Return the log of P(gamma(a) < a ratio) for a ratio well below 1, by its power series."""
    x = a * ratio
    term = total = np.ones_like(a)
    for n in range(1, 800):
        term = term * (x / (a + n))
        total = total + term
    result: Floats = a * np.log(x) - x - special.gammaln(a + 1) + np.log(total)
    return result


def log_chi2_tail(function: str, k: Floats, ratio: Floats, *, upper: bool) -> Floats:
    """Return log P(chi2_k > k ratio), or log P(chi2_k < k ratio)."""
    special = scipy_module(function, "special")
    k, ratio = np.broadcast_arrays(k, ratio)
    a = np.asarray(k / 2)
    tail = np.atleast_1d((special.gammaincc if upper else special.gammainc)(a, a * ratio))
    with np.errstate(divide="ignore"):
        log = np.log(tail)
    deep = (tail < _DEEP) & np.atleast_1d(ratio > 0)
    if np.any(deep):
        shape, ratio = np.atleast_1d(a)[deep], np.atleast_1d(ratio)[deep]
        e = ratio - 1
        far = e < -0.1
        value = np.empty_like(shape)
        if np.any(~far):
            value[~far] = _log_deep_tail(shape[~far], e[~far], special)
        if np.any(far):
            value[far] = _log_low_tail(shape[far], ratio[far], special)
        log[deep] = value
    result: Floats = log.reshape(a.shape)
    return result


def log_beta_tail(function: str, t: Floats, d: Floats) -> Floats:
    r"""Return log P(\|u.v\| > t), u and v random unit vectors of d dimensions, 0 <= t <= 1."""
    special = scipy_module(function, "special")
    t, d = np.broadcast_arrays(t, d)
    a = (d - 1) / 2
    square = np.asarray((1 - t) * (1 + t))
    # From 1 - t^2 where that is small, from t^2 where that is.
    tail = np.where(
        t > 0.5, special.betainc(a, 0.5, square), special.betaincc(0.5, a, np.square(t))
    )
    tail = np.atleast_1d(tail)
    with np.errstate(divide="ignore"):
        log = np.log(tail)
    deep = (tail < _DEEP) & np.atleast_1d(t < 1)
    if np.any(deep):
        a, t, square = (np.atleast_1d(value)[deep] for value in (a, t, square))
        # 2F1(1, 1/2; a + 1; z), whose terms fall by a t^2, hundreds here, before they grow.
        z = -square / np.square(t)
        term = total = np.ones_like(a)
        for n in range(12):
            term = term * (z * (n + 0.5) / (a + 1 + n))
            total = total + term
        front = a * np.log(square) - np.log(a) - special.betaln(a, 0.5) - np.log(t)
        log[deep] = front + np.log(total)
    result: Floats = log.reshape(np.shape(d))
    return result

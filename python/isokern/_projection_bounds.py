# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The probability that a pair is off by more than it may, and bounds on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from isokern._special import Floats, fractions, log_chi2_tail

__all__ = [
    "GUARANTEES", "MAX_DIM", "Guarantee", "Method", "bisect", "choose", "log_pair_failure",
    "log_pairs", "log_target", "rate",
]  # fmt: skip

Guarantee = Literal["distance2", "distance", "inner_product"]
Method = Literal["exact", "dasgupta_gupta", "sklearn", "su"]

GUARANTEES = ("distance2", "distance", "inner_product")
METHODS = ("exact", "dasgupta_gupta", "sklearn", "su")

MAX_DIM = 2.0**62


def choose(function: str, guarantee: str, method: str) -> None:
    for name, value, known in (("guarantee", guarantee, GUARANTEES), ("method", method, METHODS)):
        if not isinstance(value, str) or value not in known:
            raise ValueError(
                f"{function}: {name} is {value!r}, expected one of {', '.join(map(repr, known))}"
            )


def log_pairs(n: Floats) -> Floats:
    """Return log of n (n - 1) / 2, which is -inf for a single point."""
    with np.errstate(divide="ignore"):
        result: Floats = np.log(n) + np.log(n - 1) - np.log(2)
    return result


def log_target(function: str, delta: Any) -> Floats:
    """Return log delta; with delta None the bound has to be below 1, for a good map to exist."""
    return np.zeros(()) if delta is None else np.log(fractions(function, "delta", delta))


def square_eps(eps: Floats, guarantee: str) -> Floats:
    """Return the error of squared distances that is small enough for the guarantee."""
    return eps * (2 - eps) if guarantee == "distance" else eps


def rate(eps: Floats, guarantee: str, method: str) -> Floats:
    """Return c of the bound ``2 exp(-k c)`` on the failure of one pair."""
    e = square_eps(eps, guarantee)
    return e**2 / 8 if method == "su" else (e**2 / 2 - e**3 / 3) / 2


def log_pair_failure(function: str, k: Floats, eps: Floats, guarantee: str, method: str) -> Floats:
    """Return the log of the probability, or of its bound, that one pair is off by more than eps."""
    if method != "exact":
        return np.asarray(np.log(2) - k * rate(eps, guarantee, method))
    low, high = 1 - eps, 1 + eps
    if guarantee == "distance":
        low, high = low**2, high**2
    result: Floats = np.logaddexp(
        log_chi2_tail(function, k, low, upper=False), log_chi2_tail(function, k, high, upper=True)
    )
    return result


def bisect(
    holds: Callable[[Floats], Any], low: Floats, high: Floats, *, whole: bool = False
) -> Floats:
    """Return the smallest number of (low, high] for which `holds`, given that it does at high."""
    for _ in range(80):
        middle = (low + high) / 2
        if whole:
            middle = np.floor(middle)
        good = holds(middle)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
        if whole and np.all(high - low <= 1):
            break
    return high

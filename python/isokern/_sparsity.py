# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""How many nonzeros a feature a sparse projection needs.

The hardest points for a sparse map are those with two equal entries and zeros elsewhere. Of s
nonzeros in each of their two columns, C meet in a row; the error of the squared length is the sum
of C random signs divided by s, whose law is exact and cheap.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from isokern._projection_theory import min_dim
from isokern._special import Floats, fractions, scipy_module, whole_numbers

__all__ = ["SparsityWarning", "min_sparsity", "spike_failure", "usual_sparsity", "warn_of_sparsity"]

Construction = Literal["block", "graph"]


class SparsityWarning(UserWarning):
    """A sparse map has too few nonzeros a feature for what it is asked to promise."""


def _binomial(special: Any, trials: int, chance: float) -> Floats:
    count = np.arange(trials + 1)
    if chance == 1:
        return np.where(count == trials, 1.0, 0.0)
    choose = special.gammaln(trials + 1) - special.gammaln(count + 1)
    log = choose - special.gammaln(trials - count + 1) + special.xlogy(count, chance)
    result: Floats = np.exp(log + special.xlog1py(trials - count, -chance))
    return result


def _meetings(special: Any, k: int, s: int, construction: str) -> Floats:
    """Return the probabilities that two columns meet in 0 to s rows."""
    if construction == "block":
        # A nonzero in each of s groups, of k div s rows or one more.
        size, larger = divmod(k, s)
        usual = _binomial(special, s - larger, 1 / size)
        return np.convolve(usual, _binomial(special, larger, 1 / (size + 1)))
    c = np.arange(max(0, 2 * s - k), s + 1)  # hypergeometric: s rows of k, in both columns

    def choose(n: Any, m: Any) -> Any:
        return special.gammaln(n + 1) - special.gammaln(m + 1) - special.gammaln(n - m + 1)

    law = np.zeros(s + 1)
    law[c] = np.exp(choose(s, c) + choose(k - s, s - c) - choose(k, s))
    return law


def spike_failure(
    k: int, s: int, eps: float, construction: Construction = "block", *, name: str = "spike_failure"
) -> float:
    """Return P(error of the squared length of (1, 1, 0, ...) > eps)."""
    special = scipy_module(name, "special")
    c = np.arange(s + 1)
    allowed = np.floor(eps * s * (1 + 1e-12))
    fewer = np.ceil((c - allowed) / 2) - 1  # so many of c signs are positive at most, or negative
    beyond = np.where(fewer >= 0, 2 * special.bdtr(np.maximum(fewer, 0), c, 0.5), 0.0)
    return float(np.sum(_meetings(special, k, s, construction) * np.minimum(beyond, 1)))


def min_sparsity(
    n: int,
    eps: float,
    k: int | None = None,
    *,
    delta: float = 0.01,
    construction: Construction = "block",
) -> int:
    r"""Return the least number s of nonzeros a feature that points of two entries ask for.

    Parameters
    ----------
    n : int
        The number of points, 2 or more.
    eps : float
        The largest error of squared distances, above 0 and below 1.
    k : int, optional
        The number of dimensions; ``min_dim(n, eps, delta=delta)`` by default.
    delta : float
        The largest probability that some pair is off by more.
    construction : {"block", "graph"}
        "block": a nonzero in each of s groups of rows, as `Sketch` has it. "graph": s of all k
        rows, which needs a little less.

    Returns
    -------
    int
        The least s with a failure of at most delta divided by the number of pairs.

    Raises
    ------
    ValueError
        Numbers outside their range; a k at which no s would do.
    ImportError
        SciPy is missing.

    Notes
    -----
    The condition is necessary where differences of points may have two equal entries and no others,
    as rows of counts or one-hot features have. Where no entry of a difference stands out, far fewer
    nonzeros serve as well: :func:`distortion` shows what data make of it.

    References
    ----------
    D. M. Kane, J. Nelson, "Sparser Johnson-Lindenstrauss transforms", J. ACM 61 (2014).

    Examples
    --------
    >>> from isokern.projection import min_sparsity
    >>> min_sparsity(1000, 0.2), min_sparsity(1000, 0.5)
    (30, 10)
    """
    name = "min_sparsity"
    points = float(whole_numbers(name, "n", n, 2))
    error = float(fractions(name, "eps", eps))
    chance = float(fractions(name, "delta", delta))
    if construction not in ("block", "graph"):
        raise ValueError(f"{name}: construction is {construction!r}, expected 'block' or 'graph'")
    rows = min_dim(n, eps, delta=delta) if k is None else int(whole_numbers(name, "k", k))
    target = chance / (points * (points - 1) / 2)
    for s in range(1, rows + 1):
        if spike_failure(rows, s, error, construction, name=name) <= target:
            return s
    raise ValueError(f"{name}: k is {rows}, too few dimensions for eps={error:g} at any sparsity")


def usual_sparsity(n: int, eps: float, k: int, delta: float) -> int:
    """Return what points of two entries ask for, and 8 or more where k allows it."""
    if n < 2:
        return min(8, k)
    try:
        return max(min_sparsity(n, eps, k, delta=delta), min(8, k))
    except ValueError:  # so few dimensions, for few points, that no s would do
        return k


def warn_of_sparsity(name: str, n: int, k: int, s: int, eps: float, delta: float) -> None:
    """Warn where s nonzeros a feature are too few for the promise."""
    if n < 2:
        return
    pairs = n * (n - 1) / 2
    if spike_failure(k, s, eps, name=name) * pairs <= delta:
        return
    try:
        advice = f"they need s={min_sparsity(n, eps, k, delta=delta)}"
    except ValueError:
        advice = "no s is enough with so few dimensions"
    warnings.warn(
        f"{name}: s={s} nonzeros a feature are too few for eps={eps:g} and delta={delta:g} with "
        f"{n} points that differ in two entries: {advice}. Data without such spikes need less; "
        "isokern.projection.distortion shows what was kept",
        SparsityWarning,
        stacklevel=5,
    )

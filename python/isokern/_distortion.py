# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What a projection did to the pairs of given points, beside what was promised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isokern._arrays import Array
from isokern._distortion_report import LEVELS, Distortion, law
from isokern._pairs import Rows, all_pairs, sampled_pairs
from isokern._projection_bounds import GUARANTEES, Guarantee
from isokern._projection_theory import max_eps
from isokern._special import fractions, whole_numbers

__all__ = ["Distortion", "distortion"]

_ALL = 2_000_000  # pairs, up to which "auto" takes all of them
_SAMPLE = 200_000


def distortion(
    x: Any,
    y: Any,
    *,
    pairs: Any = "auto",
    eps: float | None = None,
    delta: float = 0.05,
    guarantee: Guarantee = "distance2",
    confidence: float = 0.95,
    seed: int = 0,
) -> Distortion:
    """Compare pairs of points before and after a projection, and with what was promised.

    Parameters
    ----------
    x : array_like or sparse matrix, shape (n, d)
        The points.
    y : array_like or sparse matrix, shape (n, k)
        Their images.
    pairs : {"auto", "all"} or int
        How many pairs are looked at: all, or so many, drawn at random and independently. "auto":
        all up to 2,000,000 (2000 points), above that a sample of 200,000.
    eps : float, optional
        The promise to look at; ``max_eps(n, k, delta=delta, guarantee=guarantee)`` by default.
    delta : float
        With what probability a random map may break the promise.
    guarantee : {"distance2", "distance", "inner_product"}
        What is compared, as for :func:`min_dim`.
    confidence : float
        Of the bounds on the share of pairs that are off by more than eps.
    seed : int
        Of the sample.

    Returns
    -------
    Distortion
        ``print`` shows it, and so does its ``plot``.

    Raises
    ------
    TypeError, ValueError
        Arrays of other than two axes or of different numbers of rows, fewer than two rows, numbers
        that are not finite, arguments outside their range.
    ImportError
        SciPy is missing.

    Notes
    -----
    All is computed in float64. All pairs take 8 bytes of memory each.

    References
    ----------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26 (1934).

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import Sketch, distortion
    >>> x = np.random.default_rng(0).standard_normal((300, 2000))
    >>> report = distortion(x, Sketch("sparse_jl", 2000, 500, seed=1).apply(x))
    >>> report.held, len(report.errors)
    (True, 44850)
    """
    name = "distortion"
    before, after = Rows(name, "x", x), Rows(name, "y", y)
    n, d = before.shape
    k = after.shape[1]
    if after.shape[0] != n:
        raise ValueError(f"{name}: y has shape {after.shape}, expected ({n}, k) as x")
    if n < 2 or k < 1:
        raise ValueError(f"{name}: x has {n} rows and y {k} columns, expected 2 or more and 1")
    if not isinstance(guarantee, str) or guarantee not in GUARANTEES:
        known = ", ".join(map(repr, GUARANTEES))
        raise ValueError(f"{name}: guarantee is {guarantee!r}, expected one of {known}")
    chance = float(fractions(name, "delta", delta))
    sure = float(fractions(name, "confidence", confidence))
    total = n * (n - 1) // 2
    count = _count(name, pairs, total)
    promised = (
        float(max_eps(n, k, delta=chance, guarantee=guarantee))
        if eps is None
        else float(fractions(name, "eps", eps))
    )
    start = int(whole_numbers(name, "seed", seed, 0))
    errors, coincident, pair = _errors(before, after, guarantee, count, start)
    like = max(2, math.ceil((1 + math.sqrt(1 + 8 * errors.size)) / 2))
    return Distortion(
        n=n, d=d, k=k, guarantee=guarantee, errors=errors, complete=count is None,
        coincident=coincident, eps=promised, delta=chance, pair=pair, confidence=sure,
        predicted=dict(zip(LEVELS, map(float, law(guarantee, k, LEVELS)), strict=True)),
        predicted_largest=float(max_eps(like, k, delta=0.5, guarantee=guarantee)),
    )  # fmt: skip


def _count(name: str, pairs: Any, total: int) -> int | None:
    """Return how many pairs are drawn, or None for all."""
    if isinstance(pairs, str):
        if pairs not in ("auto", "all"):
            raise ValueError(f"{name}: pairs is {pairs!r}, expected 'auto', 'all' or an integer")
        return None if pairs == "all" or total <= _ALL else _SAMPLE
    count = int(whole_numbers(name, "pairs", pairs))
    return None if count >= total else count


def _errors(
    x: Rows, y: Rows, guarantee: str, count: int | None, seed: int
) -> tuple[Array, int, tuple[int, int] | None]:
    """Return the errors in order, how many pairs were left out, and the pair of the largest."""
    # Squares then stay in the range; the division is exact.
    x.factor = y.factor = 2.0 ** min(math.frexp(x.largest or y.largest or 1.0)[1], 1023)
    distances = guarantee != "inner_product"
    lengths = None
    if distances:
        x.centred()
        y.centred()
    else:
        lengths = np.sqrt(
            np.concatenate([x.squares(slice(a, a + 1024)) for a in range(0, x.shape[0], 1024)])
        )
    parts, coincident, largest, pair = [], 0, -1.0, None
    source = (
        all_pairs(x, y, distances=distances)
        if count is None
        else sampled_pairs(x, y, count, seed, distances=distances)
    )
    for i, j, old, new in source:
        if lengths is None:
            apart = (old > 0) | (new > 0)
            with np.errstate(divide="ignore"):
                ratio = new[apart] / old[apart]
            errors = (np.sqrt(ratio) if guarantee == "distance" else ratio) - 1
        else:
            scale = lengths[i] * lengths[j]
            apart = scale > 0
            errors = (new[apart] - old[apart]) / scale[apart]
        coincident += int(np.count_nonzero(~apart))
        if not errors.size:
            continue
        place = int(np.argmax(np.abs(errors)))
        if abs(errors[place]) > largest:
            largest = float(abs(errors[place]))
            first, second = int(i[apart][place]), int(j[apart][place])
            pair = min(first, second), max(first, second)
        parts.append(errors)
    found = np.concatenate(parts) if parts else np.empty(0)
    found.sort()
    return found, coincident, pair

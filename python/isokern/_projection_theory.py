# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""How many dimensions a random projection needs, and what it promises with those it has.

For a Gaussian map and any x, :math:`\|Rx\|^2 / \|x\|^2` is distributed as :math:`\chi^2_k / k`. All
that is told here follows from that law, or from a bound on it, and the sum over pairs of points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern._projection_bounds import (
    MAX_DIM,
    Guarantee,
    Method,
    bisect,
    choose,
    log_pair_failure,
    log_pairs,
    log_target,
    rate,
)  # fmt: skip
from isokern._special import Floats, fractions, unwrap, whole_numbers

__all__ = ["capacity", "failure_probability", "max_eps", "min_dim"]


def min_dim(
    n: Any,
    eps: Any,
    *,
    delta: Any = None,
    guarantee: Guarantee = "distance2",
    method: Method = "exact",
) -> Any:
    r"""Return the number of dimensions k that keeps all pairs of n points within 1 ± eps.

    Parameters
    ----------
    n : int or array_like
        The number of points, 1 or more. All arguments broadcast.
    eps : float or array_like
        The largest error, above 0 and below 1.
    delta : float or array_like, optional
        The largest probability that some pair is off by more, above 0 and below 1. None: of any
        size below 1, so that a map that keeps all pairs exists (one drawn at random may not), or
        what the formula of the method stands for.
    guarantee : {"distance2", "distance", "inner_product"}
        What is kept: squared distances within 1 ± eps, distances within 1 ± eps (about a quarter of
        the dimensions), or inner products of unit vectors up to ± eps.
    method : {"exact", "dasgupta_gupta", "sklearn", "su"}
        "exact" sums the chi-square law over pairs; it needs SciPy. The others are formulas:
        "dasgupta_gupta" :math:`4 \ln n / (\varepsilon^2/2 - \varepsilon^3/3)`, "sklearn" the same
        rounded down, "su" :math:`24 \ln n / \varepsilon^2`. With `delta`, :math:`2 \ln(n (n - 1)/
        \delta)` stands in the first for :math:`4 \ln n`, :math:`8 \ln(n (n - 1)/\delta)` in the
        last.

    Returns
    -------
    int, or ndarray of int64
        1 for a single point.

    Raises
    ------
    TypeError, ValueError
        Numbers outside their range; `delta` with "sklearn", which has none.
    ImportError
        SciPy is missing, with method "exact".

    Notes
    -----
    "exact" is the law of Gaussian maps; the tails of random signs are dominated by the exponential
    bounds on it, and maps with s nonzeros a feature need an s that is large enough
    (:func:`min_sparsity`). Inner products need no more than squared distances: that of two unit
    vectors of cosine c is off by a mean of two independent errors of squared lengths, with weights
    (1 + c)/2 and (1 - c)/2 and opposite signs, worst at c = ±1. For the exponential bounds this is
    so because they are convex in c; for the law itself it was checked numerically, for k from 1 to
    1000.

    References
    ----------
    W. B. Johnson, J. Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space",
    Contemp. Math. 26 (1984). S. Dasgupta, A. Gupta, "An elementary proof of a theorem of Johnson
    and Lindenstrauss", Random Struct. Alg. 22 (2003).

    Examples
    --------
    >>> from isokern.projection import min_dim
    >>> min_dim(1000, 0.1, delta=0.01), min_dim(1000, 0.1, method="dasgupta_gupta")
    (6460, 5921)
    >>> min_dim([100, 10_000], 0.2, delta=0.01, guarantee="distance")
    array([285, 518])
    """
    name = "min_dim"
    choose(name, guarantee, method)
    points = whole_numbers(name, "n", n)
    e = fractions(name, "eps", eps)
    if method == "sklearn" and delta is not None:
        raise ValueError(f"{name}: delta is {delta!r}, expected None with method 'sklearn'")
    target = log_target(name, delta)
    points, e, target = np.broadcast_arrays(points, e, target)
    if method == "exact":
        k = _exact_dim(name, points, e, target, guarantee, strict=delta is None)
    else:
        if delta is not None:
            needed = log_pairs(points) + np.log(2) - target
        else:
            needed = (3 if method == "su" else 2) * np.log(points)
        k = needed / rate(e, guarantee, method)
        k = np.floor(k) if method == "sklearn" else np.ceil(k)
    if np.any(k > MAX_DIM):
        raise ValueError(f"{name}: eps is {e.min():g}, so small that the dimension overflows")
    return unwrap(np.maximum(k, 1).astype(np.int64))


def _exact_dim(
    function: str, n: Floats, e: Floats, target: Floats, guarantee: str, *, strict: bool
) -> Floats:
    pairs = log_pairs(n)

    def holds(k: Floats) -> Any:
        bound = pairs + log_pair_failure(function, np.maximum(k, 1), e, guarantee, "exact")
        return (k >= 1) & (bound < target if strict else bound <= target)

    # The exponential bound holds whatever the exact law does.
    needed = np.maximum(pairs + np.log(2) - target, 0)
    high = np.ceil(needed / rate(e, guarantee, "dasgupta_gupta")) + 2
    if np.any(high > MAX_DIM):
        return np.asarray(high)
    return bisect(holds, np.zeros_like(high), high, whole=True)


def max_eps(
    n: Any,
    k: Any,
    *,
    delta: Any = None,
    guarantee: Guarantee = "distance2",
    method: Method = "exact",
) -> Any:
    """Return the smallest error that k dimensions promise for all pairs of n points.

    Parameters
    ----------
    n, k : int or array_like
        The number of points and of dimensions, 1 or more.
    delta, guarantee, method
        As for :func:`min_dim`, whose inverse this is.

    Returns
    -------
    float or ndarray
        0 for a single point; NaN where no error below 1 can be promised.

    Examples
    --------
    >>> from isokern.projection import max_eps
    >>> round(max_eps(1000, 512, delta=0.01), 3)
    0.382
    """
    name = "max_eps"
    choose(name, guarantee, method)
    points, dims = whole_numbers(name, "n", n), whole_numbers(name, "k", k)
    if method == "sklearn" and delta is not None:
        raise ValueError(f"{name}: delta is {delta!r}, expected None with method 'sklearn'")
    target = log_target(name, delta)
    points, dims, target = np.broadcast_arrays(points, dims, target)
    pairs = log_pairs(points)

    def holds(eps: Floats) -> Any:
        if method != "exact" and delta is None:
            needed = (3 if method == "su" else 2) * np.log(points)
            return needed <= dims * rate(eps, guarantee, method)
        return pairs + log_pair_failure(name, dims, eps, guarantee, method) <= target

    top = np.full(dims.shape, 1 - 1e-15)
    found = bisect(holds, np.zeros_like(top), top)
    found = np.where(holds(top), found, np.nan)
    return unwrap(np.where(points == 1, 0.0, found))


def failure_probability(
    n: Any,
    k: Any,
    eps: Any,
    *,
    guarantee: Guarantee = "distance2",
    method: Method = "exact",
    log: bool = False,
) -> Any:
    """Return a bound on the probability that some pair of n points is off by more than eps.

    Parameters
    ----------
    n, k : int or array_like
        The number of points and of dimensions, 1 or more.
    eps : float or array_like
        The largest error, above 0 and below 1.
    guarantee, method
        As for :func:`min_dim`.
    log : bool
        Return the natural logarithm, also where the probability is too small for a float.

    Returns
    -------
    float or ndarray
        The sum over all pairs, at most 1; with n = 2 and method "exact" the probability itself.

    Examples
    --------
    >>> from isokern.projection import failure_probability
    >>> round(failure_probability(100, 3948, 0.1), 3)
    0.051
    """
    name = "failure_probability"
    choose(name, guarantee, method)
    points, dims = whole_numbers(name, "n", n), whole_numbers(name, "k", k)
    points, dims, e = np.broadcast_arrays(points, dims, fractions(name, "eps", eps))
    bound = log_pairs(points) + log_pair_failure(name, dims, e, guarantee, method)
    bound = np.minimum(bound, 0.0)
    return unwrap(bound if log else np.exp(bound))


def capacity(
    k: Any,
    eps: Any,
    *,
    delta: Any = None,
    guarantee: Guarantee = "distance2",
    method: Method = "exact",
) -> Any:
    """Return how many points k dimensions hold with all pairs within 1 ± eps.

    Parameters
    ----------
    k : int or array_like
        The number of dimensions, 1 or more.
    eps : float or array_like
        The largest error, above 0 and below 1.
    delta, guarantee, method
        As for :func:`min_dim`, whose inverse this is.

    Returns
    -------
    float or ndarray
        A whole number; infinity where it is too large for a float. One point is always held.

    Examples
    --------
    >>> from isokern.projection import capacity
    >>> capacity(2000, 0.2, delta=0.01)
    3932.0
    """
    name = "capacity"
    choose(name, guarantee, method)
    dims = whole_numbers(name, "k", k)
    e = fractions(name, "eps", eps)
    if method == "sklearn" and delta is not None:
        raise ValueError(f"{name}: delta is {delta!r}, expected None with method 'sklearn'")
    target = log_target(name, delta)
    dims, e, target = np.broadcast_arrays(dims, e, target)
    with np.errstate(over="ignore"):
        if method != "exact" and delta is None:
            # "sklearn" rounds the dimension down, so that one more point may still give k.
            least = dims + 1 if method == "sklearn" else dims
            n = np.exp(least * rate(e, guarantee, method) / (3 if method == "su" else 2))
            return unwrap(np.maximum(np.floor(n), 1))
        pairs = np.exp(target - log_pair_failure(name, dims, e, guarantee, method))
        root = np.sqrt(8 * pairs + 1)
    n = np.where(pairs < 1e300, np.floor((1 + root) / 2), np.floor(np.sqrt(2) * np.sqrt(pairs)))
    return unwrap(np.maximum(n, 1))

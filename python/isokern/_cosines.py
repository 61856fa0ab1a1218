# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""Random directions: the law of their cosines.

For independent uniform unit vectors u, v of d dimensions, :math:`(1 + u \cdot v)/2` has the law
Beta((d - 1)/2, (d - 1)/2).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from isokern._special import Floats, fractions, log_beta_tail, scipy_module, unwrap, whole_numbers

__all__ = [
    "cosine_capacity",
    "cosine_mean",
    "cosine_pdf",
    "cosine_quantile",
    "cosine_tail",
    "expected_coherence",
]


def cosine_pdf(t: Any, d: Any) -> Any:
    r"""Return the density of the cosine of two random unit vectors.

    Parameters
    ----------
    t : float or array_like
        The cosine, from -1 to 1.
    d : int or array_like
        The dimension, 2 or more.

    Returns
    -------
    float or ndarray
        :math:`\Gamma(d/2) / (\sqrt\pi\, \Gamma((d-1)/2)) \cdot (1 - t^2)^{(d-3)/2}`; infinite at
        the ends for d = 2.

    Raises
    ------
    TypeError, ValueError
        Numbers outside their range.
    ImportError
        SciPy is missing.

    Examples
    --------
    >>> from isokern.projection import cosine_pdf
    >>> round(cosine_pdf(0.3, 3), 12)
    0.5
    """
    name = "cosine_pdf"
    special = scipy_module(name, "special")
    t, d = np.broadcast_arrays(fractions(name, "t", t, -1, closed=True), _dimension(name, d))
    half = (d - 1) / 2
    with np.errstate(divide="ignore"):
        log = special.xlogy(half - 1, (1 - t) * (1 + t))
    return unwrap(np.exp(log - special.betaln(half, 0.5)))


def _dimension(name: str, d: Any) -> Floats:
    return whole_numbers(name, "d", d, 2)


def cosine_tail(t: Any, d: Any, *, two_sided: bool = True, log: bool = False) -> Any:
    r"""Return the probability that the cosine of two random unit vectors exceeds t.

    Parameters
    ----------
    t : float or array_like
        From 0 to 1; from -1 with ``two_sided=False``.
    d : int or array_like
        The dimension, 2 or more.
    two_sided : bool
        P(\|cos\| > t), or P(cos > t).
    log : bool
        Return the natural logarithm, also where the probability is too small for a float.

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError, ImportError
        As :func:`cosine_pdf`.

    Examples
    --------
    >>> from isokern.projection import cosine_tail
    >>> print(f"{cosine_tail(0.2, 512):.1e}")
    5.0e-06
    """
    name = "cosine_tail"
    low = 0.0 if two_sided else -1.0
    t, d = np.broadcast_arrays(fractions(name, "t", t, low, closed=True), _dimension(name, d))
    value = log_beta_tail(name, np.abs(t), d)
    if not two_sided:
        value = value - np.log(2)
        with np.errstate(divide="ignore"):
            value = np.where(t < 0, np.log1p(-np.exp(value)), value)
    return unwrap(value if log else np.exp(value))


def cosine_quantile(p: Any, d: Any) -> Any:
    r"""Return what the cosine of two random unit vectors stays below with probability p.

    Parameters
    ----------
    p : float or array_like
        From 0 to 1.
    d : int or array_like
        The dimension, 2 or more.

    Returns
    -------
    float or ndarray
        t with P(cos <= t) = p; \|cos\| stays below ``cosine_quantile((1 + p) / 2, d)``.

    Raises
    ------
    TypeError, ValueError, ImportError
        As :func:`cosine_pdf`.

    Examples
    --------
    >>> from isokern.projection import cosine_quantile
    >>> round(cosine_quantile(0.995, 384), 4)
    0.1311
    """
    name = "cosine_quantile"
    special = scipy_module(name, "special")
    p, d = np.broadcast_arrays(fractions(name, "p", p, closed=True), _dimension(name, d))
    outside = 2 * np.minimum(p, 1 - p)  # P(|cos| > |t|)
    a = (d - 1) / 2
    square = np.where(
        outside > 0.5,
        special.betaincinv(0.5, a, 1 - outside),
        1 - special.betaincinv(a, 0.5, outside),
    )
    # Near the median p - 1/2 is exact where 1 - outside has lost it.
    centre = (p - 0.5) * np.exp(special.betaln(a, 0.5))
    near = np.abs(centre) * np.sqrt(d) < 1e-8
    return unwrap(np.where(near, centre, np.copysign(np.sqrt(square), p - 0.5)))


def cosine_mean(d: Any) -> Any:
    r"""Return the mean of \|cos\| of two random unit vectors, about :math:`\sqrt{2/(\pi d)}`.

    Parameters
    ----------
    d : int or array_like
        The dimension, 2 or more.

    Returns
    -------
    float or ndarray

    Examples
    --------
    >>> from isokern.projection import cosine_mean
    >>> round(cosine_mean(3), 12)
    0.5
    """
    name = "cosine_mean"
    special = scipy_module(name, "special")
    dims = _dimension(name, d)
    return unwrap(2 / (dims - 1) / special.beta((dims - 1) / 2, 0.5))


def expected_coherence(n: int, d: int) -> float:
    r"""Return the expected largest \|cos\| among n random unit vectors.

    Parameters
    ----------
    n : int
        The number of vectors, 1 or more.
    d : int
        The dimension, 2 or more.

    Returns
    -------
    float
        :math:`\int_0^1 1 - (1 - P(|\cos| > t))^{n(n-1)/2} dt`. The cosines of any two pairs are
        independent; that those of all pairs were is an approximation, good for d of 10 and more.

    Examples
    --------
    >>> from isokern.projection import expected_coherence
    >>> round(expected_coherence(1000, 384), 3)
    0.245
    """
    name = "expected_coherence"
    points = float(whole_numbers(name, "n", n))
    dims = _dimension(name, d)
    if points == 1:
        return 0.0
    x, weight = np.polynomial.legendre.leggauss(64)
    edges = np.linspace(0, 1, 65)
    width = np.diff(edges)[:, None]
    t = edges[:-1, None] + width * (x + 1) / 2
    single = np.exp(log_beta_tail(name, t, np.asarray(dims)))
    with np.errstate(divide="ignore"):
        none = np.exp(points * (points - 1) / 2 * np.log1p(-single))
    return float(np.sum((1 - none) * weight * width / 2))


def cosine_capacity(t: Any, d: Any, *, method: Literal["random", "greedy"] = "random") -> Any:
    r"""Return how many nearly orthogonal unit vectors fit, with all \|cos\| at most t.

    Parameters
    ----------
    t : float or array_like
        The largest \|cos\|, above 0 and below 1.
    d : int or array_like
        The dimension, 2 or more.
    method : {"random", "greedy"}
        "random": so many drawn at random have one pair above t on average. "greedy": so many exist,
        chosen one by one outside the caps of those before: about half the square of it.

    Returns
    -------
    float or ndarray
        A whole number; infinity where it is too large for a float.

    Raises
    ------
    TypeError, ValueError, ImportError
        As :func:`cosine_pdf`.

    Examples
    --------
    >>> from isokern.projection import cosine_capacity
    >>> cosine_capacity(0.2, 512), cosine_capacity(0.2, 512, method="greedy")
    (633.0, 200253.0)
    """
    name = "cosine_capacity"
    if method not in ("random", "greedy"):
        raise ValueError(f"{name}: method is {method!r}, expected 'random' or 'greedy'")
    t, d = np.broadcast_arrays(fractions(name, "t", t), _dimension(name, d))
    log = -log_beta_tail(name, t, d)
    with np.errstate(over="ignore"):
        if method == "greedy":
            return unwrap(np.ceil(np.exp(log)))
        # (1 + sqrt(1 + 8/P)) / 2, from the root of 1/P, which overflows later.
        return unwrap(np.floor(0.5 + np.hypot(0.5, np.sqrt(2) * np.exp(log / 2))))

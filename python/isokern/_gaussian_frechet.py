# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Fréchet's distance of two data sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _core
from isokern._arrays import Array, take
from isokern._gaussian_bures import polar_residual, sum_of_roots
from isokern._gaussian_forms import LARGE, swap
from isokern._gaussian_moments import Moments

__all__ = ["frechet_distance"]


def frechet_distance(x: Any, y: Any, *, ddof: float = 1) -> float:
    """Fréchet's distance of two data sets: W2 squared between the normals of their moments.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), as pytorch-fid defines it for NumPy's covariance
    (ddof = 1), but from factors: never complex, never negative, and right for fewer vectors than
    dimensions, where the data themselves are the factors.

    Parameters
    ----------
    x, y : array_like, shape (n, d), or Moments
    ddof : float
        See :meth:`Moments.cov`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Fewer than two vectors with ddof = 1; data that are not finite.

    References
    ----------
    M. Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium, NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import gaussian
    >>> gaussian.frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]]))
    9.0
    """
    name = "frechet_distance"
    one, other = _take(name, "x", x, ddof), _take(name, "y", y, ddof)
    if len(one[0]) != len(other[0]):
        raise ValueError(f"{name}: y has d = {len(other[0])}, expected {len(one[0])} as x")
    square = float(np.sum((one[0] - other[0]) ** 2))
    if one[2] == other[2] and one[1].shape == other[1].shape and np.array_equal(one[1], other[1]):
        return square
    if one[2] and other[2] and len(one[0]) > LARGE:
        value = _from_covariances(one[1], other[1])
        if value is not None:
            return square + value
    factors = [_root(given) if is_cov else given for _, given, is_cov in (one, other)]
    return square + _bures(factors[0], factors[1])


def _from_covariances(s1: Array, s2: Array) -> float | None:
    """Where both are positive definite, well enough, and not too close: tr (L1^T S2 L1)^(1/2)."""
    lower = np.empty(s1.shape)
    try:
        _core.gaussian_factor(s1, "cholesky", "raise_after", lower)
    except (ValueError, np.linalg.LinAlgError):
        return None
    size = np.linalg.norm(s1) * np.linalg.norm(s2)
    traces = float(np.trace(s1) + np.trace(s2))
    product = np.empty(s1.shape)
    _core.gaussian_congruence(lower, np.ascontiguousarray(s2), product)
    value = traces - 2 * sum_of_roots(product, size)
    return value if value > 1e-3 * traces else None


def _bures(f1: Array, f2: Array) -> float:
    """|F1|^2 + |F2|^2 - 2 |F1^T F2|_*, or a sum of squares where that cancels."""
    m = f1.T @ f2
    traces = float(np.sum(f1 * f1) + np.sum(f2 * f2))
    if min(m.shape) > LARGE:
        gram = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
        values = np.linalg.eigvalsh(gram)
        if values[0] > 1e-6 * values[-1]:
            value = traces - 2 * float(np.sum(np.sqrt(values)))
            if value > 1e-3 * traces:
                return value
    value = traces - 2 * float(np.sum(np.linalg.svd(m, compute_uv=False)))
    return value if value > 1e-3 * traces else float(polar_residual(f1, f2))


def _take(name: str, argument: str, data: Any, ddof: float) -> tuple[Array, Array, bool]:
    """Mean, and the covariance (true) or a factor F of it, of at most d columns."""
    if isinstance(data, Moments):
        mean, cov = data.mean, data.cov(ddof)
        finite = np.all(np.isfinite(cov)) and np.all(np.isfinite(mean))
        if not finite:
            raise ValueError(f"{name}: {argument} is not finite")
        return mean, cov, True
    rows = take(name, argument, data)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"{name}: {argument} has shape {rows.shape}, expected (n, d)")
    n, d = rows.shape
    if n == 0 or not n - ddof > 0:
        raise ValueError(f"{name}: {argument} has {n} vectors, expected more than ddof = {ddof!r}")
    if not np.all(np.isfinite(rows)):
        raise ValueError(f"{name}: {argument} is not finite")
    if n <= d:
        wide = rows.astype(np.float64)
        near = wide[0]
        offset = np.mean(wide - near, axis=0)
        return near + offset, swap(wide - near - offset) / np.sqrt(n - ddof), False
    moments = Moments(d).update(rows.astype(np.float64, copy=False))
    return moments.mean, moments.cov(ddof), True


def _root(cov: Array) -> Array:
    """A factor: Cholesky's, or from the eigenvectors where the matrix is singular."""
    try:
        lower: Array = np.linalg.cholesky(cov)
        pivots = np.diagonal(lower)
        if np.min(pivots) > 1e-6 * np.max(pivots):
            return lower
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(cov)
    root: Array = vectors * np.sqrt(np.maximum(values, 0))
    return root

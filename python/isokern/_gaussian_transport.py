# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Optimal transport between normals, in factors and without inverses where there need be none."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_bures as bures
from isokern._arrays import Array, Errors, take
from isokern._gaussian_forms import (
    Form,
    Pair,
    swap,
    take_pair,
    triangular_of_factor,
)
from isokern._gaussian_triangles import pad_columns

__all__ = ["barycenter", "geodesic", "monge_map"]


def _factors(pair: Pair) -> tuple[Array, Array]:
    f1, f2 = (bures.factor_of(pair, text, getattr(pair, text)) for text in ("cov1", "cov2"))
    r = max(f1.shape[-1], f2.shape[-1])
    return pad_columns(f1, r), pad_columns(f2, r)


def _polar(f1: Array, f2: Array) -> Array:
    """The orthogonal Q that brings F2 Q nearest to F1."""
    m = swap(f1) @ f2
    bad = ~np.all(np.isfinite(m), axis=(-2, -1))
    u, _, vt = np.linalg.svd(np.where(bad[..., None, None], 0.0, m))
    return np.where(bad[..., None, None], np.nan, swap(u @ vt))


def monge_map(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, x: Any = None, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Any:  # fmt: skip
    """Map the first distribution to the second at least squared cost: x -> m2 + T (x - m1).

    Parameters
    ----------
    mean1, cov1, mean2, cov2, form, errors
        As in :func:`kl`. The first covariance may be singular: T is then determined on its support
        alone, and 0 from its complement to itself.
    x : array_like, shape (..., n, d), optional
        Points to be mapped.

    Returns
    -------
    t, shift : ndarray, shapes (..., d, d) and (..., d)
        The symmetric T and m2 - T m1, where no points are given.
    y : ndarray, shape (..., n, d)
        The points' images otherwise.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    M. Knott and C. S. Smith, On the optimal mapping of distributions, J. Optim. Theory Appl. 43,
    1984, 39-49.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> t, shift = gaussian.monge_map(*given, form="diag")
    >>> t, shift
    (array([[2.]]), array([1.]))
    """
    name = "monge_map"
    pair = take_pair(name, mean1, cov1, mean2, cov2, form, errors, definite=False)
    f1, f2 = _factors(pair)
    with np.errstate(invalid="ignore"):
        bad = ~np.all(np.isfinite(f1), axis=(-2, -1)) | ~np.all(np.isfinite(f2), axis=(-2, -1))
    safe = np.where(bad[..., None, None], 0.0, f1)
    inverse = np.linalg.pinv(safe, rcond=pair.d * np.finfo(float).eps)
    # On the support of S1, where the map is determined, T may lead out of it: what does, comes back
    # by symmetry.
    t = f2 @ _polar(f1, f2) @ inverse
    inside = safe @ (inverse @ t)
    t = (inside + swap(inside)) / 2 + (t - inside) + swap(t - inside)
    t = np.where(bad[..., None, None], np.nan, t)
    if x is None:
        shift = pair.mean2 - (t @ pair.mean1[..., None])[..., 0]
        return t.astype(pair.dtype), shift.astype(pair.dtype)
    points = take(name, "x", x)
    if points.dtype != pair.dtype:
        raise TypeError(f"{name}: x has dtype {points.dtype}, expected {pair.dtype} as mean1")
    if points.ndim < 2 or points.shape[-1] != pair.d:
        raise ValueError(f"{name}: x has shape {points.shape}, expected (..., n, {pair.d})")
    moved = (points - pair.mean1[..., None, :]) @ t + pair.mean2[..., None, :]
    return moved.astype(pair.dtype)


def geodesic(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, t: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> tuple[Array, Array]:  # fmt: skip
    """Points of the shortest path between two normals in the 2-Wasserstein metric.

    Its covariance at t is F F^T with F = (1 - t) F1 + t F2 Q, whatever the rank of the factors.

    Parameters
    ----------
    mean1, cov1, mean2, cov2, form, errors
        As in :func:`kl`; covariances may be singular.
    t : array_like
        Where on the path, 0 at the first and 1 at the second; its axes come first in the result.

    Returns
    -------
    mean, cov : ndarray, shapes (*t.shape, ..., d) and (*t.shape, ..., d, d)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    R. J. McCann, A convexity principle for interacting gases, Adv. Math. 128, 1997, 153-179.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> gaussian.geodesic(*given, 0.5, form="diag")
    (array([0.5]), array([[2.25]]))
    """
    pair = take_pair("geodesic", mean1, cov1, mean2, cov2, form, errors, definite=False)
    f1, f2 = _factors(pair)
    turned = f2 @ _polar(f1, f2)
    where = np.asarray(t, dtype=np.float64)
    if not np.all((where >= 0) & (where <= 1)):
        raise ValueError(f"geodesic: t is {t!r}, expected numbers from 0 to 1")
    parts = where.reshape(where.shape + (1,) * (len(pair.batch) + 1))
    mean = np.broadcast_to((1 - parts) * pair.mean1 + parts * pair.mean2,
                           (*where.shape, *pair.batch, pair.d))  # fmt: skip
    f = (1 - parts[..., None]) * f1 + parts[..., None] * turned
    cov = np.broadcast_to(f @ swap(f), (*where.shape, *pair.batch, pair.d, pair.d))
    return mean.astype(pair.dtype), cov.astype(pair.dtype)


def barycenter(
    means: Any, covs: Any, weights: Any = None, *, form: Form = "cov", tol: float = 1e-12,
    max_iter: int = 1000, errors: Errors = "raise",
) -> tuple[Array, Array]:  # fmt: skip
    """Find the normal distribution of least mean squared 2-Wasserstein distance from given ones.

    Its factor R is a fixed point of R <- the triangular factor of sum of w_i F_i Q_i, where F_i Q_i
    is turned to R: no inverses, so that covariances may be singular.

    Parameters
    ----------
    means : array_like, shape (n, d)
    covs : array_like, shape (n, d, d), or that of the form
    weights : array_like, shape (n), optional
        Not negative and not all zero; they are divided by their sum. Equal by default.
    form, errors
        As in :func:`kl`.
    tol : float
        The change of the covariance, relative to its trace, at which the iteration ends.
    max_iter : int

    Returns
    -------
    mean, cov : ndarray, shapes (d,) and (d, d)

    Raises
    ------
    numpy.linalg.LinAlgError
        No convergence within `max_iter` iterations.

    References
    ----------
    M. Agueh and G. Carlier, Barycenters in the Wasserstein space, SIAM J. Math. Anal. 43, 2011,
    904-924. P. C. Álvarez-Esteban et al., A fixed-point approach to barycenters in Wasserstein
    space, J. Math. Anal. Appl. 441, 2016, 744-762.

    Examples
    --------
    >>> from isokern import gaussian
    >>> mean, cov = gaussian.barycenter([[0.0], [1.0]], [[1.0], [9.0]], form="diag")
    >>> mean, cov.round(6)
    (array([0.5]), array([[4.]]))
    """
    name = "barycenter"
    pair = take_pair(name, means, covs, means, covs, form, errors, definite=False)
    if pair.mean1.ndim != 2 or len(pair.batch) != 1 or pair.batch[0] == 0:
        raise ValueError(f"{name}: means has shape {pair.mean1.shape}, expected (n, d), n > 0")
    n = pair.batch[0]
    w = _weights(name, weights, n)
    f = bures.factor_of(pair, "covs", pair.cov1)
    f = np.broadcast_to(f, (n, *f.shape[-2:]))
    f = pad_columns(f, max(f.shape[-1], pair.d))
    mean = w @ np.broadcast_to(pair.mean1, (n, pair.d))
    if not np.all(np.isfinite(f)):
        return mean.astype(pair.dtype), np.full((pair.d, pair.d), np.nan, pair.dtype)
    r = triangular_of_factor(np.concatenate(list(f * np.sqrt(w)[:, None, None]), axis=1))
    cov = r @ r.T
    for _ in range(max_iter):
        # Q_i, rectangular where F_i has more columns: with R^T F_i = U S V^T, F_i V U^T
        u, _, vt = np.linalg.svd(r.T @ f, full_matrices=False)
        r = triangular_of_factor(np.einsum("i,idk->dk", w, f @ swap(u @ vt)))
        before, cov = cov, r @ r.T
        if np.max(np.abs(cov - before), initial=0) <= tol * np.trace(cov):
            return mean.astype(pair.dtype), cov.astype(pair.dtype)
    raise np.linalg.LinAlgError(
        f"{name}: no convergence to tol = {tol!r} within max_iter = {max_iter!r} iterations"
    )


def _weights(name: str, weights: Any, n: int) -> Array:
    if weights is None:
        return np.full(n, 1 / n)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (n,):
        raise ValueError(f"{name}: weights has shape {w.shape}, expected ({n},)")
    if not np.all(np.isfinite(w)) or np.any(w < 0) or not np.any(w > 0):
        raise ValueError(f"{name}: weights are negative, not finite or all zero")
    w = w / np.max(w)  # whose sum cannot overflow
    scaled: Array = w / np.sum(w)
    return scaled

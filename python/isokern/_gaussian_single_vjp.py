# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Vector-Jacobian products of what is measured of one distribution: entropy and log-density."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_gradients as grad
from isokern._arrays import Array, Errors, broadcast_batch, core_errors, sum_to, take, take_alike
from isokern._gaussian_diag import variances
from isokern._gaussian_forms import (
    Form,
    Pair,
    check_form,
    cholesky_factors,
    covariance_batch,
    dimension,
    solve,
    swap,
    take_cov,
    to_tril,
)
from isokern._gaussian_lowrank import checked
from isokern._gaussian_lowrank_vjp import packed
from isokern._gaussian_triangles import solve_transposed
from isokern._gaussian_vjp import returned, rounded, weighted

__all__ = ["entropy_vjp", "log_prob_vjp"]


def _one(name: str, mean: Array, cov: Array, kind: str, errors: str) -> Pair:
    """A distribution as a pair with itself."""
    batch = covariance_batch(name, "cov", cov, mean.shape[-1], kind)
    wide = cov.astype(np.float64)
    if kind == "tril":
        wide = cholesky_factors(name, "cov", wide, errors)
    return Pair(name, kind, cov.dtype, mean, wide, mean, wide, batch, errors)


def entropy_vjp(cotangent: Any, cov: Any, *, form: Form = "cov", errors: Errors = "raise") -> Any:
    """Pull a cotangent of :func:`entropy` back to the covariance.

    Parameters
    ----------
    cotangent : array_like, shape (...)
    cov, form, errors
        As in the call of :func:`entropy`.

    Returns
    -------
    ndarray
        Of the shape of `cov`; of a pair (F, D) a pair.

    Raises
    ------
    ValueError
        Shapes that do not fit, or a covariance that is not symmetric.
    numpy.linalg.LinAlgError
        A covariance that is not positive definite; the message has its batch index.

    References
    ----------
    M. B. Giles, Collected matrix derivative results for forward and reverse mode algorithmic
    differentiation, 2008.

    Examples
    --------
    >>> from isokern import gaussian
    >>> gaussian.entropy_vjp(1.0, [1.0, 4.0], form="diag")
    array([0.5  , 0.125])
    """
    name = "entropy_vjp"
    check_form(name, form)
    mode = core_errors(name, errors, fresh=True)
    given, kind = take_cov(name, "cov", cov, form)
    array = take(name, "cov", given)
    axes = 1 if kind == "diag" else 2
    if array.ndim < axes or array.shape[-axes] == 0:
        wanted = "(..., d)" if axes == 1 else "(..., d, d)"
        raise ValueError(f"{name}: cov has shape {array.shape}, expected {wanted}")
    pair = _one(name, np.zeros(array.shape[-axes]), array, kind, mode)
    g = weighted(name, cotangent, pair.batch).reshape(pair.batch + (1,) * axes)
    value = g * grad.half_log_det(name, "cov", pair.cov1, kind, mode)
    return rounded(returned(value, cov, pair.cov1, pair.batch, kind), array.dtype)


def log_prob_vjp(
    cotangent: Any, x: Any, mean: Any, cov: Any, *, form: Form = "cov", errors: Errors = "raise"
) -> tuple[Array, Array, Any]:
    """Pull a cotangent of :func:`log_prob` back to its arguments x, mean and cov.

    Memory for n points of one distribution is that of the points and of one covariance.

    Parameters
    ----------
    cotangent : array_like, shape (...)
    x, mean, cov, form, errors
        As in the call of :func:`log_prob`.

    Returns
    -------
    x_bar, mean_bar, cov_bar : ndarray
        Of the shapes of the arguments; of a pair (F, D) a pair.

    Raises
    ------
    ValueError, numpy.linalg.LinAlgError
        As :func:`entropy_vjp`.

    References
    ----------
    As :func:`entropy_vjp`.

    Examples
    --------
    >>> from isokern import gaussian
    >>> x_bar, mean_bar, cov_bar = gaussian.log_prob_vjp(
    ...     1.0, [3.0, 0.0], [1.0, 0.0], [2.0, 1.0], form="diag"
    ... )
    >>> x_bar, cov_bar
    (array([-1., -0.]), array([ 0.25, -0.5 ]))
    """
    name = "log_prob_vjp"
    check_form(name, form)
    mode = core_errors(name, errors, fresh=True)
    packed_cov, kind = take_cov(name, "cov", cov, form)
    points, centre, array = take_alike(name, x=x, mean=mean, cov=packed_cov)
    d = dimension(name, "x", points)
    if centre.ndim == 0 or centre.shape[-1] != d:
        raise ValueError(f"{name}: mean has shape {centre.shape}, expected (..., {d})")
    pair = _one(name, np.zeros(d), array, kind, mode)
    batch = broadcast_batch(name, x=points.shape[:-1], mean=centre.shape[:-1], cov=pair.batch)
    g = weighted(name, cotangent, batch)
    delta = np.broadcast_to(points.astype(np.float64) - centre, (*batch, d))
    own = pair.cov1
    axes = 1 if kind == "diag" else 2
    total = sum_to(g, pair.batch).reshape(pair.batch + (1,) * axes)
    logs = total * grad.half_log_det(name, "cov", own, kind, mode)
    y = _scores(pair, delta)
    if kind == "diag":
        value = sum_to(g[..., None] * y * y, own.shape) / 2
    else:
        value = _of_squares(pair, y, delta, g)
    cov_bar = returned(value - logs, cov, own, pair.batch, kind)
    x_bar = sum_to(-g[..., None] * y, points.shape)
    mean_bar = sum_to(g[..., None] * y, centre.shape)
    dtype = points.dtype
    return x_bar.astype(dtype), mean_bar.astype(dtype), rounded(cov_bar, dtype)


def _scores(pair: Pair, delta: Array) -> Array:
    """S^-1 (x - m); the covariance is a good one, or NaN is wanted."""
    own = pair.cov1
    if pair.form == "diag":
        return np.asarray(delta / variances(pair.function, "cov", own, pair.errors))
    if pair.form == "lowrank":
        return checked(pair.function, "cov", own, pair.errors).inverse(delta[..., None])[..., 0]
    if pair.form == "precision":
        return delta @ own if own.ndim == 2 else np.asarray((own @ delta[..., None])[..., 0])
    lower = to_tril(pair.function, "cov", own, pair.form, pair.errors)
    if lower.ndim > 2:
        return solve_transposed(lower, solve(lower, delta[..., None]))[..., 0]
    flat = delta.reshape(-1, pair.d).T
    return solve_transposed(lower, solve(lower, flat)).T.reshape(delta.shape)


def _of_squares(pair: Pair, y: Array, delta: Array, g: Array) -> Array:
    """In the covariance's form, from G = sum of g y y^T / 2 over what shares a covariance."""
    own = pair.cov1
    if pair.form == "precision":
        rows, weights = _rows(delta, g, pair.batch)
        return -swap(rows * weights[..., None]) @ rows / 2
    rows, weights = _rows(y, g, pair.batch)
    turned = swap(rows * weights[..., None])
    if pair.form == "cov":
        return np.asarray(turned @ rows / 2)
    if pair.form == "lowrank":
        return (
            packed(turned @ (rows @ own[..., :-1]), np.einsum("...in,...ni->...i", turned, rows))
            / 2
        )
    f = np.tril(own) if pair.form == "tril" else own
    whole = turned @ (rows @ f)
    return np.tril(whole) if pair.form == "tril" else np.asarray(whole)


def _rows(y: Array, g: Array, own: tuple[int, ...]) -> tuple[Array, Array]:
    """Vectors and weights (*own, n, ...), n what was broadcast against a covariance's batch."""
    added = g.ndim - len(own)
    summed = [*range(added)] + [
        added + i for i, n in enumerate(own) if n == 1 and g.shape[added + i] != 1
    ]
    kept = [i for i in range(g.ndim) if i not in summed]
    count = int(np.prod([g.shape[i] for i in summed], dtype=np.int64))
    rows = np.transpose(y, (*kept, *summed, g.ndim)).reshape(*own, count, y.shape[-1])
    return rows, np.transpose(g, (*kept, *summed)).reshape(*own, count)

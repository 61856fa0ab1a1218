# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Squared Wasserstein distances of pairs, whose covariances may have any rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _core
from isokern import _gaussian_diag as diag
from isokern import _gaussian_near as near
from isokern._arrays import Array
from isokern._gaussian_forms import (
    LARGE,
    Pair,
    diagonal,
    indefinite,
    named,
    swap,
    to_cov,
    to_tril,
    triangular_of_factor,
    wide,
)
from isokern._gaussian_lowrank import wide_factor
from isokern._gaussian_pairs import eigenvalues
from isokern._gaussian_triangles import pad_columns

_EPS = float(np.finfo(np.float64).eps)
_ERROR = 1e-12  # of a sum of roots


def factor_of(pair: Pair, name: str, cov: Array) -> Array:
    """F with F F^T = S for positive semidefinite S of any form; NaN where it is indefinite."""
    if pair.form == "factor":
        return triangular_of_factor(cov) if cov.shape[-1] > cov.shape[-2] else cov
    if pair.form == "tril":
        return np.tril(cov)
    if pair.form == "lowrank":
        return triangular_of_factor(wide_factor(pair.function, name, cov, pair.errors))
    if pair.form == "diag":
        bad = ~np.all(cov >= 0, axis=-1)
        factor = np.sqrt(np.maximum(cov, 0))[..., None] * np.eye(cov.shape[-1])
    elif pair.form == "precision":
        return to_tril(pair.function, name, cov, "precision", pair.errors)
    else:
        finite = np.all(np.isfinite(cov), axis=(-2, -1)) & ~_asymmetric(pair, name, cov)
        values, vectors = np.linalg.eigh(np.where(finite[..., None, None], cov, 0.0))
        bad = ~finite | (values[..., 0] < _floor(pair, values))
        factor = vectors * np.sqrt(np.maximum(values, 0))[..., None, :]
    if np.any(bad):
        if pair.errors != "nan":
            indefinite(pair.function, name, bad)
        factor = np.where(bad[..., None, None], np.nan, factor)
    return factor


def spectral_roots(pair: Pair, name: str, cov: Array) -> Array:
    """Roots of the eigenvalues of positive semidefinite S, ascending; errors as `factor_of`."""
    cov = to_cov(pair.function, name, cov, pair.form, pair.errors)
    finite = np.all(np.isfinite(cov), axis=(-2, -1)) & ~_asymmetric(pair, name, cov)
    values = np.linalg.eigvalsh(np.where(finite[..., None, None], cov, 0.0))
    bad = ~finite | (values[..., 0] < _floor(pair, values))
    if np.any(bad):
        indefinite(pair.function, name, bad)
    return np.sqrt(np.maximum(values, 0))


def _floor(pair: Pair, values: Array) -> Array:
    """How far below zero rounding may carry eigenvalues."""
    eps = float(np.finfo(pair.dtype).eps)
    largest = np.max(np.abs(values), axis=-1, initial=0)
    return np.asarray(-10 * values.shape[-1] * eps * largest)


def polar_residual(f1: Array, f2: Array) -> Array:
    """|F1 - F2 Q|^2 with the polar factor Q of F1^T F2, a sum of squares."""
    r = max(f1.shape[-1], f2.shape[-1])
    f1, f2 = (pad_columns(f, r) for f in (f1, f2))
    m = swap(f1) @ f2
    bad = ~np.all(np.isfinite(m), axis=(-2, -1))
    u, _, vt = np.linalg.svd(np.where(bad[..., None, None], 0.0, m))
    residual = f1 - f2 @ swap(u @ vt)
    value: Array = np.where(bad, np.nan, np.sum(residual**2, axis=(-2, -1)))
    return value


def distance(pair: Pair) -> Array:
    """The covariances' part of the squared distance, from factors, singular ones too."""
    f1 = factor_of(pair, "cov1", pair.cov1)
    f2 = factor_of(pair, "cov2", pair.cov2)
    same = pair.cov1.shape[-1] == pair.cov2.shape[-1]
    axes = (-1,) if pair.form == "diag" else (-2, -1)
    equal = np.all(pair.cov1 == pair.cov2, axis=axes) if same else np.False_
    value = polar_residual(f1, f2)
    return np.where(equal & np.isfinite(value), 0.0, value)


def sum_of_roots(a: Array, size: Any) -> float:
    """Sum of the roots of the eigenvalues of a; NaN where rounding errors may be seen in it.

    An error E of a moves the sum by up to |E| (tr a^-1)^(1/2) / 2, in Frobenius' norm. `size`: of
    what rounding errors of a are relative to.
    """
    found = np.empty(2)
    _core.trace_root(wide(a), found)
    with np.errstate(invalid="ignore"):
        error = _EPS * np.sqrt(found[1]) * size
        return float(found[0]) if error < _ERROR * found[0] else np.nan


def _bures_large(pair: Pair) -> Array:
    """By eigenvalues, where they are far from rounding errors and nothing cancels."""
    lowers = [
        to_tril(pair.function, name, cov, pair.form, "nan")
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    ]
    traces = sum(np.einsum("...ij,...ij->...", lower, lower) for lower in lowers)
    value = np.empty(np.shape(traces))
    for index in np.ndindex(value.shape):
        one, other = (np.broadcast_to(x, (*value.shape, *x.shape[-2:]))[index] for x in lowers)
        m = one.T @ other
        size = np.linalg.norm(m) * np.linalg.norm(one) * np.linalg.norm(other)
        value[index] = traces[index] - 2 * sum_of_roots(m @ m.T, size / np.sqrt(pair.d))
    good = value > 1e-3 * traces
    if np.all(good):
        return value
    m = swap(lowers[0]) @ lowers[1]
    values = eigenvalues(m @ swap(m))
    again = traces - 2 * np.sum(np.sqrt(np.maximum(values, 0)), axis=-1)
    value = np.where(good, value, again)
    good |= (values[..., 0] > 1e-6 * values[..., -1]) & (value > 1e-3 * traces)
    return value if np.all(good) else np.where(good, value, distance(pair))


def wasserstein2_squared(pair: Pair) -> Array:
    """The squared 2-Wasserstein distance."""
    delta = np.sum((pair.mean1 - pair.mean2) ** 2, axis=-1)
    if pair.form == "diag":
        return np.broadcast_to(delta + diag.bures(pair), pair.batch)
    return near.refine_bures(pair, _from_matrices(pair, delta))


def _from_matrices(pair: Pair, delta: Array) -> Array:
    if pair.form == "factor":
        return np.broadcast_to(delta + distance(pair), pair.batch)
    if pair.form in ("precision", "lowrank"):
        pair = pair.with_covs(
            "tril", *(factor_of(pair, n, getattr(pair, n)) for n in ("cov1", "cov2"))
        )
    if pair.d > LARGE:
        return np.broadcast_to(delta + _bures_large(pair), pair.batch)
    out = np.empty(pair.batch)
    given = (wide(pair.mean1), wide(pair.cov1), wide(pair.mean2), wide(pair.cov2))
    named(pair.function, _core.gaussian_wasserstein2_squared, *given, pair.form, "nan", out)
    return _singular_items(pair, delta, out)


def _singular_items(pair: Pair, delta: Array, out: Array) -> Array:
    """Compute again what the kernel refused: covariances without a Cholesky factor."""
    again = np.isnan(out) & np.isfinite(delta)
    if not np.any(again):
        return out
    covs = [np.broadcast_to(c, (*pair.batch, *c.shape[-2:])) for c in (pair.cov1, pair.cov2)]
    index = np.nonzero(again) if again.ndim else ()
    some = pair.with_covs(pair.form, covs[0][index], covs[1][index])
    try:
        out[index] = np.broadcast_to(delta, pair.batch)[index] + distance(some)
    except (np.linalg.LinAlgError, ValueError):
        for name, cov in zip(("cov1", "cov2"), covs, strict=True):  # by its own batch index
            factor_of(pair, name, cov)
        raise
    return out


def _asymmetric(pair: Pair, name: str, cov: Array) -> Array:
    """Which matrices are not symmetric; ValueError for the first, unless NaN is wanted."""
    scale = np.abs(diagonal(cov))
    with np.errstate(invalid="ignore"):
        gap = np.abs(cov - swap(cov)) > 1e-6 * (scale[..., :, None] + scale[..., None, :])
    bad: Array = np.any(gap, axis=(-2, -1))
    if pair.errors != "nan" and np.any(bad):
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{pair.function}: {name} is not symmetric at batch index {at}, "
            "expected a symmetric matrix"
        )
    return bad

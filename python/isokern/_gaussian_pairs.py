# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""The four measures that all others are made from, on float64 pairs (see `_gaussian_forms.Pair`).

Small matrices go to the kernels, which take as many pairs at once as a vector has lanes. Large ones
are computed here with blocked factors and solves, by the same formulas: with
K(Y) = tr Y - ln det(I + Y), a sum of terms x - ln(1 + x) over the eigenvalues, made from the
difference of the covariances where K is small.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from isokern import _core
from isokern import _gaussian_diag as diag
from isokern import _gaussian_lowrank as lowrank
from isokern import _gaussian_near as near
from isokern._arrays import Array
from isokern._gaussian_diag import less_log
from isokern._gaussian_forms import (
    LARGE,
    Pair,
    diagonal,
    factorise,
    named,
    solve,
    swap,
    to_cov,
    to_tril,
    triangular_of_factor,
    wide,
)
from isokern._gaussian_triangles import mixed_factor

_SMALL = 1e-2
_NARROW = 1e4  # a condition that costs as many eps; the traces' product is up to d^2 times it
_EPS = float(np.finfo(np.float64).eps)


def congruence(lower: Array, x: Array) -> Array:
    """L^-1 x L^-T for a symmetric x."""
    y = solve(lower, swap(solve(lower, x)))
    return (y + swap(y)) / 2


def eigenvalues(x: Array) -> Array:
    """Of symmetric matrices; NaN where these are not finite."""
    bad = ~np.all(np.isfinite(x), axis=(-2, -1))
    if not np.any(bad):
        return np.linalg.eigvalsh(x)
    values = np.linalg.eigvalsh(np.where(bad[..., None, None], 0.0, x))
    return np.where(bad[..., None], np.nan, values)


def _square(lower: Array, delta: Array) -> Array:
    square: Array = np.sum(solve(lower, delta[..., None]) ** 2, axis=(-2, -1))
    return square


def _divergence(base: Array, other: Array) -> Array:
    """K for the factors of two covariances."""
    batch = np.broadcast_shapes(base.shape[:-2], other.shape[:-2])
    out = np.empty((*batch, 2))
    _core.gaussian_kl_terms(None, wide(other), None, wide(base), "tril", "nan", out)
    return out[..., 0]


def kl(pair: Pair) -> Array:
    """KL(1 | 2)."""
    if pair.form == "diag":
        return np.broadcast_to(diag.kl(diag.two(pair)), pair.batch)
    if pair.form == "lowrank":
        return lowrank.kl(pair)
    if pair.form == "factor":
        return _kl_factor(pair)
    if pair.d > LARGE and pair.form != "precision":
        return _kl_large(pair)
    out = np.empty(pair.batch)
    given = (wide(pair.mean1), wide(pair.cov1), wide(pair.mean2), wide(pair.cov2))
    named(pair.function, _core.gaussian_kl, *given, pair.form, pair.errors, out)
    return out


def _kl_factor(pair: Pair) -> Array:
    factors = [triangular_of_factor(cov) for cov in (pair.cov1, pair.cov2)]
    pivots = [np.abs(diagonal(f)) for f in factors]
    limits = [pair.d * _EPS * np.max(p, axis=-1, keepdims=True, initial=0) for p in pivots]
    whole = [np.all(p > limit, axis=-1) for p, limit in zip(pivots, limits, strict=True)]
    if all(map(np.all, whole)):
        return near.refine(pair, kl(pair.with_covs("tril", *factors)), diag.kl)
    result = np.empty(pair.batch)
    arrays = [
        np.broadcast_to(array, (*pair.batch, *array.shape[-axes:]))
        for array, axes in ((pair.mean1, 1), (pair.cov1, 2), (pair.mean2, 1), (pair.cov2, 2))
    ]
    for index in np.ndindex(pair.batch):
        result[index] = _kl_on_support(pair, *(array[index] for array in arrays))
    return result


def _kl_on_support(pair: Pair, mean1: Array, f1: Array, mean2: Array, f2: Array) -> Any:
    """Of singular covariances: infinite unless both live on the same affine subspace."""
    if not all(np.all(np.isfinite(x)) for x in (mean1, f1, mean2, f2)):
        return np.nan
    d = len(mean1)
    u, size, _ = np.linalg.svd(f2, full_matrices=False)
    tolerance = max(f1.shape[1], f2.shape[1], d) * _EPS
    u = u[:, size > tolerance * np.max(size, initial=0)]
    own = np.linalg.svd(f1, compute_uv=False)
    rank = np.count_nonzero(own > tolerance * np.max(own, initial=0))
    delta = mean1 - mean2
    outside = [f1 - u @ (u.T @ f1), delta - u @ (u.T @ delta)]
    scale = max(np.max(own, initial=0), np.max(size, initial=0)) * np.sqrt(tolerance)
    scale_mean = max(float(np.linalg.norm(delta)), 1e-300) * np.sqrt(tolerance)
    if rank != u.shape[1] or np.max(np.abs(outside[0]), initial=0) > scale:
        return np.inf
    if np.max(np.abs(outside[1]), initial=0) > scale_mean:
        return np.inf
    if rank == 0:
        return 0.0
    small = [triangular_of_factor(u.T @ f) for f in (f1, f2)]
    out = np.empty(())
    zero = np.zeros(rank)
    _core.gaussian_kl(u.T @ delta, small[0], zero, small[1], "tril", pair.errors, out)
    return out[()]


def _kl_large(pair: Pair) -> Array:
    def terms(form: str, cov1: Array, cov2: Array) -> tuple[Array, Array]:
        out = np.empty((*pair.batch, 2))
        given = (wide(pair.mean1), wide(cov1), wide(pair.mean2), wide(cov2))
        named(pair.function, _core.gaussian_kl_terms, *given, form, pair.errors, out)
        return out[..., 0], out[..., 1]

    def factor(name: str, cov: Array) -> Array:
        return to_tril(pair.function, name, cov, pair.form, pair.errors)

    if pair.form == "tril" or pair.cov1.shape == pair.cov2.shape == (*pair.batch, pair.d, pair.d):
        value, square = terms(pair.form, pair.cov1, pair.cov2)
    else:  # what serves several pairs is factored once
        lowers = factor("cov1", pair.cov1), factor("cov2", pair.cov2)
        value, square = terms("tril", *lowers)
    if pair.form == "cov" and np.any(value < _SMALL):
        x = eigenvalues(congruence(factor("cov2", pair.cov2), pair.cov1 - pair.cov2))
        value = np.where(value < _SMALL, np.sum(less_log(x), axis=-1), value)
    return (value + square) / 2


def _as_covs(pair: Pair) -> Pair:
    if pair.form == "cov":
        return pair
    covs = [
        to_cov(pair.function, name, cov, pair.form, pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    ]
    return pair.with_covs("cov", *covs)


def bhattacharyya(pair: Pair, log_dets: tuple[Array, Array] | None = None) -> Array:
    """Bhattacharyya's distance; log_dets: ln det of both, where they are known."""
    if pair.form in ("diag", "lowrank", "tril", "factor"):
        return renyi(pair, 0.5) / 2
    if pair.form != "cov":
        return near.refine(pair, bhattacharyya(_as_covs(pair), log_dets), diag.bhattacharyya)
    if pair.d > LARGE:
        return _renyi_large(pair, 0.5) / 2
    out = np.empty(pair.batch)
    given = (wide(pair.mean1), wide(pair.cov1), wide(pair.mean2), wide(pair.cov2))
    logs = log_dets or (None, None)
    named(pair.function, _core.gaussian_bhattacharyya, *given, *logs, pair.errors, out)
    return out


def renyi(pair: Pair, alpha: float) -> Array:
    """Renyi's divergence."""
    if pair.form == "diag":
        return np.broadcast_to(diag.renyi(diag.two(pair), alpha), pair.batch)
    if pair.form == "lowrank":
        return lowrank.renyi(pair, alpha)
    if pair.form != "cov":
        plain = (
            renyi(_as_covs(pair), alpha)
            if pair.form == "precision"
            else _renyi_of_factors(pair, alpha)
        )
        return near.refine(pair, plain, lambda t: diag.renyi(t, alpha))
    if pair.d > LARGE:
        return _renyi_large(pair, alpha)
    out = np.empty(pair.batch)
    given = (wide(pair.mean1), wide(pair.cov1), wide(pair.mean2), wide(pair.cov2))
    named(pair.function, _core.gaussian_renyi, *given, alpha, pair.errors, out)
    return out


def of_factors(
    pair: Pair, of_covs: Callable[[Pair], Array], of_factors: Callable[[Pair], Array]
) -> Array:
    """A measure of factors from their squares; from themselves where these would lose digits."""
    squares = _as_covs(dataclasses.replace(pair, errors="nan"))
    narrow = np.zeros(pair.batch, dtype=bool)
    for cov in (squares.cov1, squares.cov2):
        inverse = factorise(pair.function, "cov1", cov, "inverse_factor", "nan")
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.einsum("...ij,...ij->...", inverse, inverse)
            narrow |= ~(size * np.einsum("...ii->...", cov) < _NARROW * pair.d)
    value = np.array(of_covs(squares))
    if np.any(narrow):
        value[narrow] = of_factors(near.gathered(pair, narrow))
        if pair.errors != "nan" and np.any(np.isnan(value)):
            for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2)):  # by its batch index
                to_tril(pair.function, name, cov, pair.form, pair.errors)
    return value


def _renyi_of_factors(pair: Pair, alpha: float) -> Array:
    """From triangles, without squaring them."""
    lowers = [
        to_tril(pair.function, text, cov, pair.form, pair.errors)
        for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    ]
    mixed = mixed_factor(lowers[0], lowers[1], alpha)
    value = _divergence(mixed, lowers[0]) + alpha / (1 - alpha) * _divergence(mixed, lowers[1])
    return _with_means(pair, alpha, value, lowers, mixed)


def _renyi_large(pair: Pair, alpha: float) -> Array:
    name, weight = pair.function, alpha / (1 - alpha)
    lowers = [
        factorise(name, text, cov, errors=pair.errors)
        for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    ]
    mixed = factorise(name, "cov1", pair.cov2 + (1 - alpha) * (pair.cov1 - pair.cov2), errors="nan")
    value = _divergence(mixed, lowers[0]) + weight * _divergence(mixed, lowers[1])
    if np.any(np.abs(value) < _SMALL):
        x = eigenvalues(congruence(mixed, pair.cov1 - pair.cov2))
        parts = less_log(alpha * x) + weight * less_log((alpha - 1) * x)
        value = np.where(np.abs(value) < _SMALL, np.sum(parts, axis=-1), value)
    return _with_means(pair, alpha, value, lowers, mixed)


def _with_means(pair: Pair, alpha: float, value: Array, lowers: list[Array], mixed: Array) -> Array:
    """Renyi's divergence, of which `value` is twice the covariances' part."""
    value = (value + alpha * _square(mixed, pair.mean1 - pair.mean2)) / 2
    valid = np.all(np.isfinite(pair.mean1), axis=-1) & np.all(np.isfinite(pair.mean2), axis=-1)
    for lower in lowers:
        valid = valid & np.all(np.isfinite(diagonal(lower)), axis=-1)
    none = ~np.all(np.isfinite(diagonal(mixed)), axis=-1)
    return np.where(none & valid, np.inf, value)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of the measures in means and covariances, for a cotangent of one.

Those of diagonals, and of pairs (F, D), are in these; all others in covariances S, the symmetric G
with dD = tr(G dS). None has a difference of eigenvalues in a denominator: all exist for equal
arguments.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from isokern import _gaussian_bures as bures
from isokern import _gaussian_diag as diag
from isokern import _gaussian_lowrank_vjp as lowrank
from isokern import _gaussian_pairs as pairs
from isokern._arrays import Array
from isokern._gaussian_forms import Pair, factorise, solve, swap, to_tril

Gradients = tuple[Array, Array, Array, Array]


def outer(x: Array, y: Array) -> Array:
    """X y^T."""
    return x[..., :, None] * y[..., None, :]


def times(a: Array, x: Array) -> Array:
    """A x for vectors."""
    return (a @ x[..., None])[..., 0]


def inverse(pair: Pair, name: str, cov: Array) -> Array:
    """S^-1; NaN where a NaN result was asked for."""
    return factorise(pair.function, name, cov, "inverse", pair.errors)


def kl(pair: Pair) -> Gradients:
    """Of KL(1 | 2)."""
    if pair.form == "diag":
        return diag.kl_gradients(diag.two(pair))
    if pair.form == "lowrank":
        return lowrank.kl(pair)
    p1, p2 = inverse(pair, "cov1", pair.cov1), inverse(pair, "cov2", pair.cov2)
    y = times(p2, pair.mean1 - pair.mean2)
    # (P2 - P2 S1 P2) / 2, which vanishes for equal covariances
    second = p2 @ (pair.cov2 - pair.cov1) @ p2
    return y, (p2 - p1) / 2, -y, ((second + swap(second)) / 2 - outer(y, y)) / 2


def renyi(pair: Pair, alpha: float) -> Gradients:
    """Of Renyi's divergence."""
    if pair.form == "diag":
        return diag.renyi_gradients(diag.two(pair), alpha)
    if pair.form == "lowrank":
        return lowrank.renyi(pair, alpha)
    p1, p2 = inverse(pair, "cov1", pair.cov1), inverse(pair, "cov2", pair.cov2)
    mixed = pair.cov2 + (1 - alpha) * (pair.cov1 - pair.cov2)
    p = factorise(pair.function, "cov1", mixed, "inverse", "nan")
    y = times(p, pair.mean1 - pair.mean2)
    square = outer(y, y)
    first = (p - p1) / 2 - alpha * (1 - alpha) / 2 * square
    # (P - P2) / (1 - alpha) = -P (S1 - S2) P2, without dividing
    other = p @ (pair.cov2 - pair.cov1) @ p2
    second = alpha / 4 * (other + swap(other)) - alpha**2 / 2 * square
    return alpha * y, first, -alpha * y, second


def scaled(gradients: Gradients, factor: Any, form: str = "cov") -> Gradients:
    """Times a factor for each item."""
    m1, s1, m2, s2 = gradients
    own = np.asarray(factor)[..., None]
    whole = own[..., None] if form != "diag" else own
    return own * m1, whole * s1, own * m2, whole * s2


def added(one: Gradients, other: Gradients) -> Gradients:
    """The sums."""
    m1, s1, m2, s2 = (x + y for x, y in zip(one, other, strict=True))
    return m1, s1, m2, s2


def exchanged(gradients: Gradients) -> Gradients:
    """The second first."""
    m1, s1, m2, s2 = gradients
    return m2, s2, m1, s1


def root(value: Array) -> Array:
    """The factor that makes of the gradient of a square that of its root; 0 at 0."""
    return np.divide(0.5, np.sqrt(value), out=np.zeros(np.shape(value)), where=value != 0)


def hellinger(pair: Pair, squared: bool) -> Gradients:
    """Of Hellinger's distance or its square."""
    value = pairs.bhattacharyya(pair)
    factor = np.exp(-value)
    if not squared:
        factor = factor * root(-np.expm1(-value))
    return scaled(renyi(pair, 0.5), factor / 2, pair.form)


def mahalanobis(pair: Pair, squared: bool, check: bool) -> Gradients:
    """Of Mahalanobis' distance, in the mean of both covariances, each of them checked if asked."""
    delta = pair.mean1 - pair.mean2
    if pair.form == "diag":
        result = diag.mahalanobis_gradients(diag.two(pair))
    elif pair.form == "lowrank":
        result = lowrank.mahalanobis(pair)
    else:
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2)) if check else ():
            lower = factorise(pair.function, name, cov, "cholesky", pair.errors)
            delta = delta + 0 * lower[..., 0, :1]  # NaN where there is no factor
        mean = (pair.cov1 + pair.cov2) / 2
        y = times(factorise(pair.function, "cov1", mean, "inverse", pair.errors), delta)
        half = -outer(y, y) / 2
        result = (2 * y, half, -2 * y, half)
    square = np.sum(delta * result[0], axis=-1) / 2
    return result if squared else scaled(result, root(square), pair.form)


def half_log_det(pair: Pair, name: str, cov: Array) -> Array:
    """Of ln det S / 2."""
    if pair.form == "diag":
        return 0.5 / diag.variances(pair.function, name, cov, pair.errors)
    if pair.form == "lowrank":
        return lowrank.half_log_det(pair.function, name, cov, pair.errors)
    return inverse(pair, name, cov) / 2


def geometric_js(pair: Pair, weight: float, dual: bool) -> Gradients:
    """Of the geometric Jensen-Shannon divergence.

    The geometric mean g minimises the dual: what depends on it does not change there.
    """
    name, mode = pair.function, pair.errors
    if pair.form == "diag":
        return _by_coordinates(pair, weight, dual)
    p1, p2 = inverse(pair, "cov1", pair.cov1), inverse(pair, "cov2", pair.cov2)
    mixed = factorise(name, "cov1", p1 + weight * (p2 - p1), "inverse", mode)
    middle = pair.mean1 + weight * times(mixed, times(p2, pair.mean2 - pair.mean1))
    results: list[Array] = []
    mean_bar: Any = 0
    cov_bar: Any = 0
    ends = ((1 - weight, pair.mean1, pair.cov1, p1), (weight, pair.mean2, pair.cov2, p2))
    for share, mean, cov, _ in ends:
        given = Pair(name, "cov", pair.dtype, mean, cov, middle, mixed, pair.batch, mode)
        parts = scaled(kl(given.swapped() if dual else given), share)
        parts = exchanged(parts) if dual else parts
        results += parts[:2]
        mean_bar, cov_bar = mean_bar + parts[2], cov_bar + parts[3]
    if not dual:
        h = times(mixed, mean_bar)
        shared = -mixed @ cov_bar @ mixed
        for i, (share, mean, _, p) in enumerate(ends):
            side = outer(h, mean - middle)
            p_bar = share * (shared + (side + swap(side)) / 2)
            results[2 * i] = results[2 * i] + share * times(p, h)
            results[2 * i + 1] = results[2 * i + 1] - p @ p_bar @ p
    return results[0], results[1], results[2], results[3]


def _by_coordinates(pair: Pair, weight: float, dual: bool) -> Gradients:
    """Of a diagonal pair, as many pairs of one dimension."""
    t = diag.two(pair)
    batch = (*pair.batch, pair.d)
    given = Pair(pair.function, "cov", pair.dtype, pair.mean1[..., None], t.one[..., None, None],
                 pair.mean2[..., None], t.other[..., None, None], batch, "nan")  # fmt: skip
    m1, s1, m2, s2 = geometric_js(given, weight, dual)
    return m1[..., 0], s1[..., 0, 0], m2[..., 0], s2[..., 0, 0]


def factor_gradients(pair: Pair) -> Gradients:
    """Of the squared Wasserstein distance, in factors F (..., d, r) of any rank.

    Where F1^T F2 has not full rank, a subgradient: of the polar factors, that of least norm.
    """
    f1, f2 = pair.cov1, pair.cov2
    bad = ~(np.all(np.isfinite(f1), axis=(-2, -1)) & np.all(np.isfinite(f2), axis=(-2, -1)))
    m = np.where(bad[..., None, None], 0.0, swap(f1) @ f2)
    u, s, vt = np.linalg.svd(m, full_matrices=False)
    largest = np.max(s, axis=-1, keepdims=True, initial=0)
    keep = s > max(m.shape[-2:]) * np.finfo(float).eps * largest
    q = swap((u * keep[..., None, :]) @ vt)
    if f1.shape == f2.shape:
        same = np.all(f1 == f2, axis=(-2, -1))[..., None, None]
        q = np.where(same, np.eye(f1.shape[-1]), q)
    delta = 2 * (pair.mean1 - pair.mean2)
    return delta, 2 * (f1 - f2 @ q), -delta, 2 * (f2 - f1 @ swap(q))


def wasserstein2(pair: Pair, squared: bool) -> Gradients:
    """Of the Wasserstein distance or its square, in the given form of the covariance."""
    if pair.form == "diag":
        result = diag.bures_gradients(pair)
        value = np.sum((pair.mean1 - pair.mean2) ** 2, axis=-1) + diag.bures(pair)
    elif pair.form == "factor":
        result = factor_gradients(pair)
        value = np.sum((pair.mean1 - pair.mean2) ** 2, axis=-1) + bures.distance(pair)
    else:
        lowers = [
            to_tril(pair.function, name, cov, pair.form, pair.errors)
            for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
        ]
        trils = dataclasses.replace(pair, form="tril", cov1=lowers[0], cov2=lowers[1])
        m1, g1, m2, g2 = factor_gradients(trils)
        covs = [_from_factor(g, lower) for g, lower in ((g1, lowers[0]), (g2, lowers[1]))]
        result = m1, covs[0], m2, covs[1]
        value = bures.wasserstein2_squared(trils)
    return result if squared else scaled(result, root(value), pair.form)


def _from_factor(gradient: Array, lower: Array) -> Array:
    """G of S from the full gradient 2 G L in a factor."""
    g = swap(_solve_transposed(lower, swap(gradient))) / 2
    return (g + swap(g)) / 2


def _solve_transposed(lower: Array, b: Array) -> Array:
    """L^-T b, with the coordinates in the reversed order."""
    turned = np.ascontiguousarray(swap(lower)[..., ::-1, ::-1])
    return solve(turned, b[..., ::-1, :])[..., ::-1, :]

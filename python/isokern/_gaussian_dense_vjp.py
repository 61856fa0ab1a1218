# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients in covariances S, and in precisions P, the symmetric G with dD = tr(G dS).

None is a difference of inverses where both are nearly equal: P2 - P1 = P2 (S1 - S2) P1, and the
like, vanish with S1 - S2, which is exact there.
"""

from __future__ import annotations

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_forms import (
    Pair,
    factorise,
    swap,
)
from isokern._gaussian_triangles import outer

Gradients = tuple[Array, Array, Array, Array]


def times(a: Array, x: Array) -> Array:
    """A x for vectors."""
    return (a @ x[..., None])[..., 0]


def symmetric(x: Array) -> Array:
    """The mean of a matrix and its transpose."""
    return np.asarray((x + swap(x)) / 2)


def _less(inverse1: Array, inverse2: Array, x: Array) -> Array:
    """A2^-1 - A1^-1 with x = A1 - A2."""
    relative = inverse2 @ x
    near = np.max(np.abs(relative), axis=(-2, -1), keepdims=True) < 1
    if not np.any(near):
        return inverse2 - inverse1
    return np.where(near, symmetric(relative @ inverse1), inverse2 - inverse1)


def _inverses(pair: Pair) -> tuple[Array, Array, Array]:
    """Of both matrices, and the difference of the means, NaN where one is not definite."""
    one, other = (
        factorise(pair.function, name, cov, "inverse", pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    )
    delta = pair.mean1 - pair.mean2 + 0 * (one[..., 0, :1] + other[..., 0, :1])
    return one, other, delta


def kl(pair: Pair) -> Gradients:
    """Of KL(1 | 2)."""
    one, other, delta = _inverses(pair)
    if pair.form == "precision":
        x = pair.cov2 - pair.cov1
        y = times(pair.cov2, delta)
        second = _less(other, one, x) + outer(delta, delta)
        return y, symmetric(one @ -x @ one) / 2, -y, second / 2
    x = pair.cov1 - pair.cov2
    y = times(other, delta)
    second = symmetric(other @ -x @ other) - outer(y, y)
    return y, _less(one, other, x) / 2, -y, second / 2


def cross_entropy(pair: Pair) -> Gradients:
    """Of the cross-entropy: in S1 it is P2 / 2."""
    m1, _, m2, second = kl(pair)
    if pair.form == "precision":
        one = factorise(pair.function, "cov1", pair.cov1, "inverse", pair.errors)
        return m1, symmetric(one @ -pair.cov2 @ one) / 2, m2, second
    own, other, _ = _inverses(pair)
    return m1, (other + 0 * own) / 2, m2, second


def renyi(pair: Pair, alpha: float) -> Gradients:
    """Of Renyi's divergence; NaN where it is infinite."""
    one, other, delta = _inverses(pair)
    beta = 1 - alpha
    if pair.form == "precision":
        # S1 P = Q^-1 P2 and S2 P = Q^-1 P1 with Q = alpha P1 + (1 - alpha) P2
        x = pair.cov2 - pair.cov1
        middle = factorise(pair.function, "cov1", pair.cov1 + beta * x, "inverse", "nan")
        u1, u2 = times(middle, times(pair.cov2, delta)), times(middle, times(pair.cov1, delta))
        y = times(pair.cov2, u2)
        first = beta * outer(u1, u1) - symmetric(middle @ x @ one)
        second = alpha * outer(u2, u2) + symmetric(middle @ x @ other)
    else:
        x = pair.cov1 - pair.cov2
        middle = factorise(pair.function, "cov1", pair.cov2 + beta * x, "inverse", "nan")
        y = times(middle, delta)
        first = symmetric(middle @ x @ one) - beta * outer(y, y)
        second = -symmetric(middle @ x @ other) - alpha * outer(y, y)
    return alpha * y, alpha / 2 * first, -alpha * y, alpha / 2 * second


def mahalanobis(pair: Pair) -> Gradients:
    """Of the square of Mahalanobis' distance, in the mean of both covariances."""
    _, _, delta = _inverses(pair)
    mean = (pair.cov1 + pair.cov2) / 2
    middle = factorise(pair.function, "cov1", mean, "inverse", pair.errors)
    if pair.form == "precision":
        u1, u2 = times(middle, times(pair.cov2, delta)), times(middle, times(pair.cov1, delta))
        y = times(pair.cov2, u2)
        return 2 * y, outer(u1, u1) / 2, -2 * y, outer(u2, u2) / 2
    y = times(middle, delta)
    half = -outer(y, y) / 2
    return 2 * y, half, -2 * y, half


def half_log_det(function: str, name: str, cov: Array, form: str, errors: str) -> Array:
    """Of ln det S / 2."""
    inverse = factorise(function, name, cov, "inverse", errors) / 2
    return -inverse if form == "precision" else inverse

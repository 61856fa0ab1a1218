# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients in triangles L and factors F of covariances, without squaring these.

With the gradient G in S they are 2 G F, of triangles the lower triangle of it. Every G is a sum of
products Pa (S1 - S2) Pb of inverses, which vanish for equal covariances, and of y y^T. Here
S1 - S2 = H F1^T + F2 H^T, H = F1 - F2, and each inverse is a pair of triangular solves: the error
is eps times the condition of the factors, not that of the covariances.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_forms import (
    Pair,
    diagonal,
    solve,
    swap,
    to_tril,
)
from isokern._gaussian_triangles import mixed_factor, outer, pad_columns, solve_transposed

Gradients = tuple[Array, Array, Array, Array]


@dataclasses.dataclass(frozen=True)
class _Two:
    """Factors as given, and of the same width; H = F1 - F2, and the triangles L with F = L A."""

    given: tuple[Array, Array]
    whole: tuple[Array, Array]
    h: Array
    lowers: tuple[Array, Array]
    sides: tuple[Array, Array]
    delta: Array

    def between(self, lower: Array, which: int) -> Array:
        """L^-1 (S1 - S2) Lk^-T for the k-th of both."""
        own = self.lowers[which]
        f1, f2 = self.whole
        first = solve(lower, self.h) @ swap(solve(own, f1))
        return np.asarray(first + solve(lower, f2) @ swap(solve(own, self.h)))


def _given(pair: Pair) -> tuple[Array, Array]:
    if pair.form == "tril":
        return np.tril(pair.cov1), np.tril(pair.cov2)
    return pair.cov1, pair.cov2


def _side(pair: Pair, lower: Array, f: Array) -> Array:
    """L^-1 F, whose rows are orthonormal."""
    return np.broadcast_to(np.eye(pair.d), f.shape) if pair.form == "tril" else solve(lower, f)


def _two(pair: Pair) -> _Two:
    one, other = _given(pair)
    l1, l2 = (
        to_tril(pair.function, name, cov, pair.form, pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    )
    r = max(one.shape[-1], other.shape[-1])
    f1, f2 = pad_columns(one, r), pad_columns(other, r)
    delta = pair.mean1 - pair.mean2 + 0 * (l1[..., 0, :1] + l2[..., 0, :1])  # NaN of bad ones
    sides = _side(pair, l1, one), _side(pair, l2, other)
    return _Two((one, other), (f1, f2), f1 - f2, (l1, l2), sides, delta)


def _in_form(pair: Pair, m1: Array, g1: Array, m2: Array, g2: Array) -> Gradients:
    return (m1, np.tril(g1), m2, np.tril(g2)) if pair.form == "tril" else (m1, g1, m2, g2)


def _along(y: Array, f: Array) -> Array:
    """Y y^T F."""
    return outer(y, (y[..., None, :] @ f)[..., 0, :])


def _scores(lower: Array, delta: Array) -> tuple[Array, Array]:
    """L^-1 delta and S^-1 delta."""
    z = solve(lower, delta[..., None])
    return z[..., 0], solve_transposed(lower, z)[..., 0]


def _second_of_kl(t: _Two, z: Array) -> Array:
    """2 G F2 of KL(1 | 2): L2^-T (-L2^-1 (S1 - S2) L2^-T - z z^T) A2."""
    inner = t.between(t.lowers[1], 1) + outer(z, z)
    return -solve_transposed(t.lowers[1], inner @ t.sides[1])


def kl(pair: Pair) -> Gradients:
    """Of KL(1 | 2)."""
    t = _two(pair)
    l1, l2 = t.lowers
    z, y = _scores(l2, t.delta)
    if pair.form == "tril":
        # The lower triangle of L2^-T L2^-1 L1 - L1^-T, with L2^-1 L1 = I + E.
        e = solve(l2, t.h)
        first = solve_transposed(l2, e) + np.eye(pair.d) * (diagonal(e) / diagonal(l1))[..., None]
    else:
        first = solve_transposed(l2, t.between(l2, 0) @ t.sides[0])
    return _in_form(pair, y, first, -y, _second_of_kl(t, z))


def cross_entropy(pair: Pair) -> Gradients:
    """Of the cross-entropy: in S1 it is P2 / 2."""
    t = _two(pair)
    z, y = _scores(t.lowers[1], t.delta)
    first = solve_transposed(t.lowers[1], solve(t.lowers[1], t.given[0]))
    return _in_form(pair, y, first, -y, _second_of_kl(t, z))


def renyi(pair: Pair, alpha: float) -> Gradients:
    """Of Renyi's divergence; NaN where it is infinite."""
    t = _two(pair)
    middle = mixed_factor(*t.given, alpha)
    _, y = _scores(middle, t.delta)
    parts = [
        sign * solve_transposed(middle, t.between(middle, i) @ t.sides[i])
        - weight * _along(y, t.given[i])
        for i, sign, weight in ((0, 1, 1 - alpha), (1, -1, alpha))
    ]
    return _in_form(pair, alpha * y, alpha * parts[0], -alpha * y, alpha * parts[1])


def mahalanobis(pair: Pair) -> Gradients:
    """Of the square of Mahalanobis' distance, in the mean of both covariances."""
    one, other = _given(pair)
    _, y = _scores(mixed_factor(one, other, 0.5), pair.mean1 - pair.mean2)
    return _in_form(pair, 2 * y, -_along(y, one), -2 * y, -_along(y, other))


def half_log_det(function: str, name: str, cov: Array, form: str, errors: str) -> Array:
    """Of ln det S / 2."""
    lower = to_tril(function, name, cov, form, errors)
    if form == "tril":
        return np.asarray(np.eye(cov.shape[-1]) / diagonal(lower)[..., None])
    return solve_transposed(lower, solve(lower, cov))

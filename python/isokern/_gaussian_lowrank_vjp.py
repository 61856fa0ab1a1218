# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients in (F, D) of covariances F F^T + diag(D), packed as these are.

With the gradient G in S they are 2 G F and the diagonal of G. Every G here is a sum of products
Pa (S1 - S2) Pb of inverses, which vanish for equal covariances, and of y y^T: neither is formed.
"""

from __future__ import annotations

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_forms import Pair, swap
from isokern._gaussian_lowrank import Difference, Low, checked, difference, lows, mixed

Gradients = tuple[Array, Array, Array, Array]


def packed(product: Array, diagonal: Array) -> Array:
    """From G F and the diagonal of G."""
    batch = np.broadcast_shapes(product.shape[:-2], diagonal.shape[:-1])
    result = np.empty((*batch, product.shape[-2], product.shape[-1] + 1))
    result[..., :-1] = 2 * product
    result[..., -1] = diagonal
    return result


def _between(a: Low, b: Low, t: Difference, given: Array) -> Array:
    """Of G = Pa (S1 - S2) Pb."""
    product = a.inverse(t.apply(b.inverse(given[..., :-1])))
    (ea, wa, ca), (eb, wb, cb) = a.inverse_parts(), b.inverse_parts()
    ka, kb = (np.einsum("...ik,...k->...i", w * w, c) for w, c in ((wa, ca), (wb, cb)))
    inner = swap(wa) @ (t.x[..., None] * wb) * ca[..., :, None] * cb[..., None, :]
    first = t.x * ea
    diagonal = first * eb - first * kb - t.x * ka * eb + np.sum((wa @ inner) * wb, axis=-1)
    diagonal = diagonal + np.sum(a.inverse(t.h) * b.inverse(t.f1), axis=-1)
    diagonal = diagonal + np.sum(a.inverse(t.f2) * b.inverse(t.h), axis=-1)
    return packed(product, diagonal)


def _square(a: Low, y: Array, delta: Array, given: Array) -> Array:
    """Of G = y y^T with y = P delta; F^T y is made as (P F)^T delta, where it may be small."""
    along = (delta[..., None, :] @ a.inverse(given[..., :-1]))[..., 0, :]
    return packed(y[..., :, None] * along[..., None, :], y * y)


def _times(a: Low, x: Array) -> Array:
    return a.inverse(x[..., None])[..., 0]


def kl(pair: Pair) -> Gradients:
    """Of KL(1 | 2)."""
    one, other = lows(pair)
    t = difference(pair)
    delta = pair.mean1 - pair.mean2
    y = _times(other, delta)
    first = _between(other, one, t, pair.cov1) / 2
    second = -(_between(other, other, t, pair.cov2) + _square(other, y, delta, pair.cov2)) / 2
    return y, first, -y, second


def cross_entropy(pair: Pair) -> Gradients:
    """Of the cross-entropy: in S1 it is P2 / 2."""
    one, other = lows(pair)
    m1, _, m2, second = kl(pair)
    product = other.inverse(pair.cov1[..., :-1])
    first = packed(product, other.inverse_diagonal() + 0 * one.root) / 2
    return m1, first, m2, second


def renyi(pair: Pair, alpha: float) -> Gradients:
    """Of Renyi's divergence; NaN where it is infinite."""
    one, other = lows(pair)
    t = difference(pair)
    middle = mixed(t, alpha)
    delta = pair.mean1 - pair.mean2
    y = _times(middle, delta)
    first = _between(middle, one, t, pair.cov1) - (1 - alpha) * _square(middle, y, delta, pair.cov1)
    second = _between(middle, other, t, pair.cov2) + alpha * _square(middle, y, delta, pair.cov2)
    return alpha * y, alpha / 2 * first, -alpha * y, -alpha / 2 * second


def mahalanobis(pair: Pair) -> Gradients:
    """Of the square of Mahalanobis' distance, in the mean of both covariances."""
    delta = pair.mean1 - pair.mean2
    for given in lows(pair):
        delta = delta + 0 * given.root  # NaN where one is no covariance
    middle = mixed(difference(pair), 0.5)
    y = _times(middle, delta)
    first, second = (-_square(middle, y, delta, cov) / 2 for cov in (pair.cov1, pair.cov2))
    return 2 * y, first, -2 * y, second


def half_log_det(function: str, name: str, cov: Array, errors: str) -> Array:
    """Of ln det S / 2."""
    given = checked(function, name, cov, errors)
    return packed(given.inverse(cov[..., :-1]), given.inverse_diagonal()) / 2

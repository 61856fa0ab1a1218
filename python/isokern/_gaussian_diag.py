# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""Diagonal covariances: O(d) numbers and operations for each measure and gradient.

The sums run over coordinates, whose terms are made from the difference of the variances: they
vanish for equal ones, and keep their relative accuracy near there. Any pair becomes diagonal in the
basis that makes the second covariance I (see `_gaussian_near`), so that these are the formulas of
nearly equal distributions of every form.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_forms import Pair, indefinite

Gradients = tuple[Array, Array, Array, Array]


def less_log(x: Array) -> Array:
    """Gap between x and ln(1 + x), without cancelling for small x."""
    x = np.asarray(x)
    small = np.abs(x) < 0.1
    near = np.where(small, x, 0.0)
    series = np.zeros_like(near)
    for n in range(18, 1, -1):
        series = 1.0 / n - near * series
    with np.errstate(invalid="ignore", divide="ignore"):
        far = x - np.log1p(x)
    result: Array = np.where(small, near * near * series, far)
    return result


def gap(excess: Array, ratio: Array) -> Array:
    """Excess - ln(ratio) for ratio = 1 + excess, where both are known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        far = excess - np.log(ratio)
    return np.where(np.abs(excess) < 0.1, less_log(excess), far)


def variances(function: str, name: str, cov: Array, errors: str) -> Array:
    """The diagonal, NaN in items that are not positive definite, or LinAlgError."""
    bad = ~np.all((cov > 0) & np.isfinite(cov), axis=-1)
    if not np.any(bad):
        return cov
    if errors != "nan":
        indefinite(function, name, bad)
    return np.where(bad[..., None], np.nan, cov)


@dataclasses.dataclass(frozen=True)
class Two:
    """Variances of both, their difference, and that of the means; all (..., d)."""

    delta: Array
    excess: Array
    one: Array
    other: Array


def two(pair: Pair) -> Two:
    """The variances of a pair of the form diag, checked."""
    one, other = (
        variances(pair.function, name, cov, pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    )
    return Two(pair.mean1 - pair.mean2, one - other, one, other)


def kl(t: Two) -> Array:
    """KL(1 | 2)."""
    terms = gap(t.excess / t.other, t.one / t.other) + t.delta / t.other * t.delta
    return np.asarray(np.sum(terms, axis=-1) / 2)


def _mixed(t: Two, alpha: float) -> tuple[Array, Array]:
    mixed = t.other + (1 - alpha) * t.excess
    none = np.any(mixed <= 0, axis=-1)
    return np.where(none[..., None], 1.0, mixed), none


def renyi(t: Two, alpha: float) -> Array:
    """Renyi's divergence; infinite where the mixed covariance is not positive definite."""
    mixed, none = _mixed(t, alpha)
    x = t.excess / mixed
    terms = gap(alpha * x, t.one / mixed) + alpha * (t.delta / mixed) * t.delta
    terms = terms + alpha / (1 - alpha) * gap((alpha - 1) * x, t.other / mixed)
    value = np.sum(terms, axis=-1) / 2
    valid = np.all(np.isfinite(t.delta) & np.isfinite(t.excess), axis=-1)
    return np.where(none, np.where(valid, np.inf, np.nan), value)


def bhattacharyya(t: Two) -> Array:
    """Bhattacharyya's distance."""
    return renyi(t, 0.5) / 2


def geometric_js(t: Two, weight: float, dual: bool) -> Array:
    """Geometric Jensen-Shannon divergence: with w = (1 - a) s2 + a s1 the mean g has s1 s2 / w."""
    a, s1, s2 = weight, t.one, t.other
    w = s2 + a * t.excess
    square = t.delta / w * t.delta
    if dual:
        first = gap(-a * t.excess / w, s2 / w) + a * a * s1 / w * square
        second = gap((1 - a) * t.excess / w, s1 / w) + (1 - a) ** 2 * s2 / w * square
    else:
        first = gap(a * t.excess / s2, w / s2) + a * a * s1 / s2 * square
        second = gap((a - 1) * t.excess / s1, w / s1) + (1 - a) ** 2 * s2 / s1 * square
    return np.asarray(np.sum((1 - a) * first + a * second, axis=-1) / 2)


def mahalanobis(t: Two) -> Array:
    """The square of Mahalanobis' distance, in the mean of both covariances."""
    return np.asarray(np.sum(t.delta / (t.other + t.excess / 2) * t.delta, axis=-1))


def roots(function: str, name: str, cov: Array, errors: str) -> Array:
    """Standard deviations, which may be 0."""
    bad = ~np.all((cov >= 0) & np.isfinite(cov), axis=-1)
    if np.any(bad):
        if errors != "nan":
            indefinite(function, name, bad)
        cov = np.where(bad[..., None], np.nan, cov)
    return np.sqrt(cov)


def bures(pair: Pair) -> Array:
    """The covariances' part of the squared Wasserstein distance."""
    r1, r2 = (
        roots(pair.function, name, cov, pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    )
    total = r1 + r2
    terms = (pair.cov1 - pair.cov2) / np.where(total == 0, 1.0, total)
    return np.asarray(np.sum(terms * terms, axis=-1))


def kl_gradients(t: Two) -> Gradients:
    """Of KL(1 | 2), in means and variances."""
    y = t.delta / t.other
    change = t.excess / t.other / 2
    return y, change / t.one, -y, -change / t.other - y * y / 2


def cross_entropy_gradients(t: Two) -> Gradients:
    """Of the cross-entropy, in means and variances."""
    m1, _, m2, second = kl_gradients(t)
    return m1, 0.5 / t.other + 0 * t.one, m2, second


def renyi_gradients(t: Two, alpha: float) -> Gradients:
    """Of Renyi's divergence; NaN where it is infinite."""
    mixed, none = _mixed(t, alpha)
    mixed = np.where(none[..., None], np.nan, mixed)
    y = t.delta / mixed
    change, square = alpha / 2 * t.excess / mixed, alpha / 2 * y * y
    first, second = change / t.one - (1 - alpha) * square, -change / t.other - alpha * square
    return alpha * y, first, -alpha * y, second


def mahalanobis_gradients(t: Two) -> Gradients:
    """Of the square of Mahalanobis' distance, in the mean of both covariances."""
    y = t.delta / (t.other + t.excess / 2)
    half = -y * y / 2
    return 2 * y, half, -2 * y, half


def bures_gradients(pair: Pair) -> Gradients:
    """Of the squared Wasserstein distance."""
    t = two(pair)
    r1, r2 = np.sqrt(t.one), np.sqrt(t.other)
    change = t.excess / (r1 + r2)
    return 2 * t.delta, change / r1, -2 * t.delta, -change / r2

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of the measures in means and in the given form of covariances, for a cotangent of one.

In covariances and precisions they are the symmetric G with dD = tr(G dS). None has a difference of
eigenvalues in a denominator, and none is a difference of what is equal for equal arguments: all
exist there, and keep their relative accuracy near there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_bures as bures
from isokern import _gaussian_bures_vjp as bures_vjp
from isokern import _gaussian_dense_vjp as dense
from isokern import _gaussian_diag as diag
from isokern import _gaussian_factor_vjp as factor
from isokern import _gaussian_lowrank_vjp as lowrank
from isokern import _gaussian_pairs as pairs
from isokern._arrays import Array
from isokern._gaussian_forms import Pair

Gradients = tuple[Array, Array, Array, Array]

_BY_FORM: dict[str, Any] = {
    "cov": dense,
    "precision": dense,
    "tril": factor,
    "factor": factor,
    "lowrank": lowrank,
}


def kl(pair: Pair) -> Gradients:
    """Of KL(1 | 2)."""
    if pair.form == "diag":
        return diag.kl_gradients(diag.two(pair))
    result: Gradients = _BY_FORM[pair.form].kl(pair)
    return result


def jeffreys(pair: Pair) -> Gradients:
    """Of KL(1 | 2) + KL(2 | 1)."""
    return added(kl(pair), exchanged(kl(pair.swapped())))


def cross_entropy(pair: Pair) -> Gradients:
    """Of the entropy of 1 plus KL(1 | 2)."""
    if pair.form == "diag":
        return diag.cross_entropy_gradients(diag.two(pair))
    result: Gradients = _BY_FORM[pair.form].cross_entropy(pair)
    return result


def renyi(pair: Pair, alpha: float) -> Gradients:
    """Of Renyi's divergence."""
    if pair.form == "diag":
        return diag.renyi_gradients(diag.two(pair), alpha)
    result: Gradients = _BY_FORM[pair.form].renyi(pair, alpha)
    return result


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


def mahalanobis(pair: Pair, squared: bool) -> Gradients:
    """Of Mahalanobis' distance, in the mean of both covariances."""
    if pair.form == "diag":
        result = diag.mahalanobis_gradients(diag.two(pair))
    else:
        result = _BY_FORM[pair.form].mahalanobis(pair)
    square = np.sum((pair.mean1 - pair.mean2) * result[0], axis=-1) / 2
    return result if squared else scaled(result, root(square), pair.form)


def half_log_det(function: str, name: str, cov: Array, form: str, errors: str) -> Array:
    """Of ln det S / 2."""
    if form == "diag":
        return 0.5 / diag.variances(function, name, cov, errors)
    if form == "lowrank":
        return lowrank.half_log_det(function, name, cov, errors)
    result: Array = _BY_FORM[form].half_log_det(function, name, cov, form, errors)
    return result


def geometric_js(pair: Pair, weight: float, dual: bool) -> Gradients:
    """Of the geometric Jensen-Shannon divergence.

    Normals of weight a mixed geometrically are an exponential family with parameters mixed
    linearly: the dual is a times Renyi's divergence of order 1 - a, and both together are a (1 - a)
    times Jeffreys' divergence.
    """
    order = 1 - weight
    if not 0 < order < 1:
        return scaled(kl(pair), 0.0, pair.form)
    chernoff = scaled(renyi(pair, order), weight, pair.form)
    if dual:
        return chernoff
    both = scaled(jeffreys(pair), weight * order, pair.form)
    return added(both, scaled(chernoff, -1.0, pair.form))


def wasserstein2(pair: Pair, squared: bool) -> Gradients:
    """Of the Wasserstein distance or its square."""
    result = bures_vjp.wasserstein2_squared(pair)
    if squared:
        return result
    return scaled(result, root(bures.wasserstein2_squared(pair)), pair.form)

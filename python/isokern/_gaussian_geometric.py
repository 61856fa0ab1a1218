# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The geometric Jensen-Shannon divergence (F. Nielsen, Entropy 21, 2019, 485).

The normals are an exponential family, in which the geometric mean of weight a mixes the natural
parameters: the dual divergence is a times Renyi's of order 1 - a, and both together are a (1 - a)
times Jeffreys' divergence.
"""

from __future__ import annotations

import numpy as np

from isokern import _gaussian_diag as diag
from isokern import _gaussian_near as near
from isokern import _gaussian_pairs as pairs
from isokern._arrays import Array
from isokern._gaussian_forms import Pair, factorise, solve, to_cov


def divergence(pair: Pair, a: float, dual: bool) -> Array:
    """From one of the forms of covariances."""
    if pair.form == "diag":
        return np.broadcast_to(diag.geometric_js(diag.two(pair), a, dual), pair.batch)
    if pair.form in ("tril", "factor"):
        value = pairs.of_factors(
            pair, lambda t: _by_precisions(t, a, dual), lambda t: _by_divergences(t, a, dual)
        )
    else:
        value = _by_precisions(pair, a, dual)
    return near.refine(pair, value, lambda t: diag.geometric_js(t, a, dual))


def _by_divergences(pair: Pair, a: float, dual: bool) -> Array:
    """The dual as a D of order 1 - a, and both together as a (1 - a) J, without squares."""
    if not 0 < 1 - a < 1:
        return 0 * pairs.kl(pair)
    chernoff = a * pairs.renyi(pair, 1 - a)
    if dual:
        return chernoff
    return a * (1 - a) * (pairs.kl(pair) + pairs.kl(pair.swapped())) - chernoff


def _by_precisions(pair: Pair, a: float, dual: bool) -> Array:
    name, mode = pair.function, pair.errors
    if pair.form == "precision":  # those of other forms are factored on the way
        bad = [
            np.isnan(factorise(name, text, cov, errors=mode)[..., :1, :1])
            for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
        ]
        pair = pair.with_covs(
            pair.form, np.where(bad[0], np.nan, pair.cov1), np.where(bad[1], np.nan, pair.cov2)
        )
    p1, p2 = (
        cov
        if pair.form == "precision"
        else factorise(name, text, to_cov(name, text, cov, pair.form, mode), "inverse", mode)
        for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    )
    mixed = p1 + a * (p2 - p1)
    lower = factorise(name, "cov1", mixed, errors=mode)
    shift = p2 @ (pair.mean2 - pair.mean1)[..., None]
    inverse = solve(lower, np.broadcast_to(np.eye(pair.d), lower.shape))
    half = solve(lower, shift)
    moved = a * (np.swapaxes(inverse, -1, -2) @ half)[..., 0]
    middle = pair.mean1 + moved
    value = np.zeros(pair.batch) + 0 * (p1 + p2)[..., 0, 0]  # NaN of a bad one, whatever its share
    for share, mean, precision in ((1 - a, pair.mean1, p1), (a, pair.mean2, p2)):
        if share == 0:
            continue
        ends = (mean, precision, middle, mixed)
        if dual:
            ends = (middle, mixed, mean, precision)
        value = value + share * pairs.kl(
            Pair(name, "precision", pair.dtype, *ends, pair.batch, mode)
        )
    return np.asarray(value)

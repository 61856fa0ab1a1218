# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Nearly equal distributions, from the difference of what is given of their covariances.

Whatever a form squares or inverts loses the digits in which two distributions differ. S1 - S2 does
not, when it is made from the difference of the factors or precisions; in the basis in which S2 is I
and S1 diagonal every measure is a sum over coordinates (see `_gaussian_diag`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_diag import Two
from isokern._gaussian_forms import Pair, solve, swap, to_cov, to_tril
from isokern._gaussian_lowrank import difference

_CLOSE = 1e-2  # of a divergence
_CLOSE_BURES = 1e-6  # of a squared distance, relative to the traces
_ROUNDS = 5


def gathered(pair: Pair, items: Array) -> Pair:
    """Some items of the batch."""
    parts = [
        np.broadcast_to(array, (*pair.batch, *array.shape[-axes:]))[items]
        for array, axes in ((pair.mean1, 1), (pair.cov1, 2), (pair.mean2, 1), (pair.cov2, 2))
    ]
    count = (int(np.count_nonzero(items)),)
    return dataclasses.replace(
        pair, mean1=parts[0], cov1=parts[1], mean2=parts[2], cov2=parts[3], batch=count,
        errors="nan",
    )  # fmt: skip


def _factors(pair: Pair) -> tuple[Array, Array, Array]:
    """F1, F2 and F1 - F2, of the same width; F1 is turned to F2 where that brings it nearer."""
    if pair.form == "tril":
        f1, f2 = np.tril(pair.cov1), np.tril(pair.cov2)
        return f1, f2, f1 - f2
    r = max(pair.cov1.shape[-1], pair.cov2.shape[-1])
    f1, f2 = (
        np.concatenate([f, np.zeros((*f.shape[:-1], r - f.shape[-1]))], axis=-1)
        for f in (pair.cov1, pair.cov2)
    )
    m = swap(f1) @ f2
    good = np.all(np.isfinite(m), axis=(-2, -1))[..., None, None]
    u, _, vt = np.linalg.svd(np.where(good, m, 0.0))
    turned = f1 @ (u @ vt)
    gaps = [np.sum((f - f2) ** 2, axis=(-2, -1)) for f in (turned, f1)]
    f1 = np.where((gaps[0] < gaps[1] / 4)[..., None, None], turned, f1)
    return f1, f2, f1 - f2


def _difference(pair: Pair) -> Array:
    """S1 - S2."""
    if pair.form == "cov":
        return pair.cov1 - pair.cov2
    if pair.form == "precision":
        s1, s2 = (to_cov(pair.function, "cov1", p, "precision", "nan")
                  for p in (pair.cov1, pair.cov2))  # fmt: skip
        return np.asarray(s1 @ (pair.cov2 - pair.cov1) @ s2)
    if pair.form == "lowrank":
        return difference(pair).apply(np.eye(pair.d))
    f1, f2, h = _factors(pair)
    return np.asarray(h @ swap(f1) + f2 @ swap(h))


def _eigen(x: Array) -> tuple[Array, Array]:
    bad = ~np.all(np.isfinite(x), axis=(-2, -1))
    values, vectors = np.linalg.eigh(np.where(bad[..., None, None], 0.0, x))
    return np.where(bad[..., None], np.nan, values), vectors


def _whitened(pair: Pair) -> tuple[Two, Array, Array]:
    """The pair in the basis of the second covariance; that basis L2 and the eigenvectors in it."""
    lower = to_tril(pair.function, "cov2", pair.cov2, pair.form, "nan")
    y = solve(lower, swap(solve(lower, _difference(pair))))
    values, vectors = _eigen((y + swap(y)) / 2)
    delta = solve(lower, (pair.mean1 - pair.mean2)[..., None])
    delta = (swap(vectors) @ delta)[..., 0]
    return Two(delta, values, 1 + values, np.ones_like(values)), lower, vectors


def refine(pair: Pair, value: Array, measure: Callable[[Two], Array]) -> Array:
    """Compute again, on diagonals, the items whose divergence is small."""
    close = np.asarray(np.abs(value) < _CLOSE)
    if not np.any(close):
        return value
    value = np.array(value)
    with np.errstate(invalid="ignore", divide="ignore"):
        again = measure(_whitened(gathered(pair, close))[0])
    value[close] = np.where(np.isfinite(again), again, value[close])
    return value


def refine_bures(pair: Pair, value: Array) -> Array:
    """The same for squared Wasserstein distances."""
    if pair.form in ("tril", "factor"):
        traces = [np.einsum("...ij,...ij->...", c, c) for c in (pair.cov1, pair.cov2)]
    elif pair.form == "cov":
        traces = [np.einsum("...ii->...", c) for c in (pair.cov1, pair.cov2)]
    else:
        covs = (to_cov(pair.function, "cov1", c, pair.form, "nan") for c in (pair.cov1, pair.cov2))
        traces = [np.einsum("...ii->...", c) for c in covs]
    close = np.asarray((value < _CLOSE_BURES * (traces[0] + traces[1])) & (value > 0))
    if not np.any(close):
        return value
    value = np.array(value)
    some = gathered(pair, close)
    widest = max(pair.cov1.shape[-1], pair.cov2.shape[-1])
    if pair.form == "tril" or (pair.form == "factor" and widest <= pair.d):
        _, f2, e = _factors(some)
    else:
        t, f2, vectors = _whitened(some)
        with np.errstate(invalid="ignore"):
            share = t.excess / (1 + np.sqrt(t.one))
        e = f2 @ (vectors * share[..., None, :]) @ swap(vectors)
    again = _turned_residual(f2, e) + np.sum((some.mean1 - some.mean2) ** 2, axis=-1)
    value[close] = np.where(np.isfinite(again), again, value[close])
    return value


def _turned_residual(f2: Array, e: Array) -> Array:
    """|E - F2 (Q - I)|^2 with the polar factor Q of (F2 + E)^T F2; NaN where it is not found.

    Q is Cayley's transform of a skew A, a fixed point: the symmetry of (F2 + E)^T F2 Q says
    H A + A H = -(X - X^T) with H = F2^T F2 and X = E^T F2 Q + H (Q - I - A). The value is
    stationary in Q: an error in A enters squared.
    """
    h = swap(f2) @ f2
    n = swap(e) @ f2
    lam, v = _eigen(h)
    sums = lam[..., :, None] + lam[..., None, :]
    one = np.eye(h.shape[-1])
    a = np.zeros_like(h)
    k = np.zeros_like(h)
    change = np.zeros(h.shape[:-2])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        sums = np.where(sums > 1e-14 * np.max(np.abs(sums), axis=(-2, -1), keepdims=True),
                        sums, np.nan)  # fmt: skip
        for _ in range(_ROUNDS):
            x = n + n @ k + h @ (a @ k) / 2
            before = a
            a = -v @ ((swap(v) @ (x - swap(x)) @ v) / sums) @ swap(v)
            a = (a - swap(a)) / 2
            good = np.all(np.isfinite(a), axis=(-2, -1))[..., None, None]
            k = np.linalg.solve(one - np.where(good, a, 0.0) / 2, np.where(good, a, 0.0))
            change = np.sum((a - before) ** 2, axis=(-2, -1))
        size = np.sum(a * a, axis=(-2, -1))
    residual = e - f2 @ k
    value: Array = np.sum(residual * residual, axis=(-2, -1))
    return np.where((change <= 1e-14 * size) & (size < 0.1), value, np.nan)

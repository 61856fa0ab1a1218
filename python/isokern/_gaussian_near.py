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
_ROUNDS = 12
_TURNED = 1e-4  # of the square of a factor: what its difference to another may be unturned


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


def factors(pair: Pair) -> tuple[Array, Array, Array, Array]:
    """F1, F2, F1 - F2, of the same width, and T: F1 is turned by it where that is nearer to F2.

    Turning rounds F1, so that F1 - F2 loses more than it gains where it is small already.
    """
    if pair.form == "tril":
        f1, f2 = np.tril(pair.cov1), np.tril(pair.cov2)
        return f1, f2, f1 - f2, np.eye(pair.d)
    r = max(pair.cov1.shape[-1], pair.cov2.shape[-1])
    f1, f2 = (
        np.concatenate([f, np.zeros((*f.shape[:-1], r - f.shape[-1]))], axis=-1)
        for f in (pair.cov1, pair.cov2)
    )
    m = swap(f1) @ f2
    good = np.all(np.isfinite(m), axis=(-2, -1))[..., None, None]
    u, _, vt = np.linalg.svd(np.where(good, m, 0.0))
    turn = u @ vt
    gaps = [np.sum((f - f2) ** 2, axis=(-2, -1)) for f in (f1 @ turn, f1)]
    nearer = (gaps[0] < gaps[1] / 4) & (gaps[1] > _TURNED * np.sum(f2 * f2, axis=(-2, -1)))
    nearer = nearer[..., None, None]
    f1 = np.where(nearer, f1 @ turn, f1)
    return f1, f2, f1 - f2, np.where(nearer, turn, np.eye(r))


def _in_basis(pair: Pair, lower: Array) -> Array:
    """L2^-1 (S1 - S2) L2^-T: whatever is as narrow as L2 is divided by it first."""
    if pair.form == "cov":
        return solve(lower, swap(solve(lower, pair.cov1 - pair.cov2)))
    if pair.form == "lowrank":
        t = difference(pair)
        back = solve(lower, np.broadcast_to(np.eye(pair.d), lower.shape))
        f1, f2, h = (back @ f for f in (t.f1, t.f2, t.h))
        return np.asarray((back * t.x[..., None, :]) @ swap(back) + h @ swap(f1) + f2 @ swap(h))
    f1, f2, h = (solve(lower, f) for f in factors(pair)[:3])
    return np.asarray(h @ swap(f1) + f2 @ swap(h))


def _eigen(x: Array) -> tuple[Array, Array]:
    bad = ~np.all(np.isfinite(x), axis=(-2, -1))
    values, vectors = np.linalg.eigh(np.where(bad[..., None, None], 0.0, x))
    return np.where(bad[..., None], np.nan, values), vectors


def _whitened(pair: Pair) -> tuple[Two, Array, Array]:
    """The pair in the basis of the second covariance; that basis L2 and the eigenvectors in it."""
    lower = to_tril(pair.function, "cov2", pair.cov2, pair.form, "nan")
    if pair.form == "precision":
        y = swap(lower) @ (pair.cov2 - pair.cov1) @ lower  # I - L2^T P1 L2
    else:
        y = _in_basis(pair, lower)
    values, vectors = _eigen((y + swap(y)) / 2)
    if pair.form == "precision":
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(values < 1, values / (1 - values), np.nan)
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
    close = close_bures(value, traces[0] + traces[1])
    if not np.any(close):
        return value
    value = np.array(value)
    some = gathered(pair, close)
    again = np.sum(turned(some).residual ** 2, axis=(-2, -1))
    again = again + np.sum((some.mean1 - some.mean2) ** 2, axis=-1)
    value[close] = np.where(np.isfinite(again), again, value[close])
    return value


def close_bures(value: Array, traces: Array, limit: float = _CLOSE_BURES) -> Array:
    """Where a squared distance has lost digits to its terms, though it is not 0."""
    return np.asarray((value < limit * traces) & (value > 0))


@dataclasses.dataclass(frozen=True)
class Turned:
    """R = F1 - F2 Q of factors, with the polar factor Q = I + K of F1^T F2; NaN if not found.

    `turn` and `basis` are those of the factors: where `basis` is None, F1 is the given factor
    turned by `turn`; else F1 = basis (I + Y)^(1/2) and F2 = basis, with (I + Y)^(-1/2) = `turn`.
    """

    residual: Array
    k: Array
    turn: Array
    basis: Array | None


def turned(pair: Pair) -> Turned:
    """The residual of nearly equal covariances, from their difference."""
    widest = max(pair.cov1.shape[-1], pair.cov2.shape[-1])
    if pair.form == "tril" or (pair.form == "factor" and widest <= pair.d):
        _, f2, e, turn = factors(pair)
        return Turned(*_turned_residual(f2, e), turn, None)
    t, lower, vectors = _whitened(pair)
    with np.errstate(invalid="ignore", divide="ignore"):
        roots = np.sqrt(t.one)
        share, inverse = t.excess / (1 + roots), 1 / roots
    e = lower @ (vectors * share[..., None, :]) @ swap(vectors)
    turn = (vectors * inverse[..., None, :]) @ swap(vectors)
    return Turned(*_turned_residual(lower, e), turn, lower)


def _turned_residual(f2: Array, e: Array) -> tuple[Array, Array]:
    """E - F2 K with the polar factor I + K of (F2 + E)^T F2, and K; NaN where it is not found.

    I + K is Cayley's transform of a skew A, a fixed point: the symmetry of (F2 + E)^T F2 (I + K)
    says H A + A H = -(X - X^T) with H = F2^T F2 and X = E^T F2 (I + K) + H (K - A). In the basis of
    the singular vectors of F2 = U s V^T the left side is (s_i^2 + s_j^2) A_ij, and E^T F2 is
    (U^T E V)^T s: small s lose nothing. Solutions other than the polar factor are out of reach
    where E is small beside the roots of s_i s_j.
    """
    good = np.all(np.isfinite(f2) & np.isfinite(e), axis=(-2, -1))[..., None, None]
    f2, e = np.where(good, f2, 0.0), np.where(good, e, 0.0)
    u, s, vt = np.linalg.svd(f2, full_matrices=False)
    b = swap(u) @ e @ swap(vt)
    n = swap(b) * s[..., None, :]
    h = (s * s)[..., :, None]
    one = np.eye(s.shape[-1])
    a = np.zeros_like(n)
    k = np.zeros_like(n)
    found = np.zeros(n.shape[:-2], dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        sums = h + swap(h)
        small = np.sum(b * b / (s[..., :, None] * s[..., None, :]), axis=(-2, -1)) < 0.25
        for _ in range(_ROUNDS):
            x = n + n @ k + h * (a @ k) / 2
            before = a
            a = -(x - swap(x)) / sums
            whole = np.all(np.isfinite(a), axis=(-2, -1))[..., None, None]
            k = np.linalg.solve(one - np.where(whole, a, 0.0) / 2, np.where(whole, a, 0.0))
            change = np.sum((a - before) ** 2, axis=(-2, -1))
            size = np.sum(a * a, axis=(-2, -1))
            found = (change <= 1e-16 * size) & (size < 0.1)
            if np.all((change <= 1e-28 * size) | ~(size < 1)):
                break
        found = good & (small & found)[..., None, None]
    residual = e - u @ (s[..., :, None] * k) @ vt
    return np.where(found, residual, np.nan), np.where(found, swap(vt) @ k @ vt, np.nan)

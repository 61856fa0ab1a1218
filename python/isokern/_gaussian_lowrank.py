# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""Covariances S = F F^T + diag(D) in O(d r^2), never as d x d matrices.

A pair (F, D) is packed into one array (..., d, r + 1) whose last column is D. With the thin
singular value decomposition D^(-1/2) F = U s V^T, S = R (I + U diag(s^2) U^T) R, R = D^(1/2):
inverses, determinants and whitening take s^2 / (1 + s^2), which cancels nothing, where Woodbury's
formula would subtract.

Divergences of nearly equal distributions come from H = F1 - F2 and x = D1 - D2 alone, see
:func:`_near`: their error is relative to the result.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_diag import gap
from isokern._gaussian_forms import Pair, indefinite, swap

_SMALL = 0.1


@dataclasses.dataclass(frozen=True)
class Low:
    """S = R (I + U diag(lam) U^T) R with a diagonal R and orthonormal columns U; lam > -1."""

    root: Array
    u: Array
    lam: Array

    def _kept(self, x: Array, share: Array) -> Array:
        """What of R^-1 x lies in U times a share, and the rest, but what rounding x may bring."""
        z = x / self.root[..., None]
        inside = swap(self.u) @ z
        rest = z - self.u @ inside
        rest = rest - self.u @ (swap(self.u) @ rest)
        limit = 64 * z.shape[-2] * np.finfo(float).eps ** 2
        lengths = [np.sum(part * part, axis=-2, keepdims=True) for part in (rest, z)]
        rest = np.where(lengths[0] <= limit * lengths[1], 0.0, rest)
        result: Array = rest + self.u @ (share[..., None] * inside)
        return result

    def whiten(self, x: Array) -> Array:
        """A x for x (..., d, m), with A S A^T = I."""
        return self._kept(x, 1 / np.sqrt(1 + self.lam))

    def inverse(self, x: Array) -> Array:
        """S^-1 x for x (..., d, m)."""
        return self._kept(x, 1 / (1 + self.lam)) / self.root[..., None]

    def inverse_parts(self) -> tuple[Array, Array, Array]:
        """E, W and c with S^-1 = diag(E) - W diag(c) W^T."""
        scaled = self.u / self.root[..., None]
        return 1 / self.root**2, scaled, self.lam / (1 + self.lam)

    def inverse_diagonal(self) -> Array:
        """The diagonal of S^-1: a sum of squares over D."""
        # 1 - |u|^2, in the r / 0.9 rows at most where it loses digits what a projection leaves
        u = self.u
        rest = 1 - np.sum(u * u, axis=-1)
        if np.any(rest < 0.1):
            count = min(u.shape[-2], int(u.shape[-1] / 0.9) + 1)
            at = np.argsort(rest, axis=-1, kind="stable")[..., :count]
            left = -np.take_along_axis(u, at[..., None], axis=-2) @ swap(u)
            own = np.take_along_axis(left, at[..., None], axis=-1) + 1
            np.put_along_axis(left, at[..., None], own, axis=-1)
            lengths = np.sum(left * left, axis=-1)
            known = np.take_along_axis(rest, at, axis=-1)
            np.put_along_axis(rest, at, np.where(known < 0.1, lengths, known), axis=-1)
        rest = rest + np.sum(u * u / (1 + self.lam)[..., None, :], axis=-1)
        result: Array = rest / self.root**2
        return result

    def half_log_det(self) -> Array:
        """Ln det S / 2."""
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.sum(np.log(self.root), axis=-1)
            result: Array = logs + np.sum(np.log1p(self.lam), axis=-1) / 2
        return result

    def square(self, delta: Array) -> Array:
        """delta^T S^-1 delta."""
        z = self.whiten(delta[..., None])
        result: Array = np.sum(z * z, axis=(-2, -1))
        return result


def low(packed: Array) -> Low:
    """Of a packed pair; NaN where D is not positive or anything not finite."""
    f, d = packed[..., :-1], packed[..., -1]
    good = np.all((d > 0) & np.isfinite(d), axis=-1) & np.all(np.isfinite(f), axis=(-2, -1))
    root = np.sqrt(np.where(good[..., None], d, 1.0))
    scaled = np.where(good[..., None, None], f, 0.0) / root[..., None]
    u, s, _ = np.linalg.svd(scaled, full_matrices=False)
    return Low(np.where(good[..., None], root, np.nan), u, s * s)


def checked(function: str, name: str, packed: Array, errors: str) -> Low:
    """The same, with LinAlgError for what is no covariance unless NaN is wanted."""
    result = low(packed)
    bad = ~np.all(np.isfinite(result.root), axis=-1)
    if errors != "nan" and np.any(bad):
        indefinite(function, name, bad)
    return result


def wide_factor(function: str, name: str, packed: Array, errors: str) -> Array:
    """The factor [F, D^(1/2)] (..., d, r + d), for D that may be 0."""
    f, d = packed[..., :-1], packed[..., -1]
    bad = ~(np.all((d >= 0) & np.isfinite(d), -1) & np.all(np.isfinite(f), (-2, -1)))
    if errors != "nan" and np.any(bad):
        indefinite(function, name, bad)
    root = np.where(bad[..., None], np.nan, np.sqrt(np.where(bad[..., None], 0.0, d)))
    return np.concatenate([f, root[..., None] * np.eye(d.shape[-1])], axis=-1)


@dataclasses.dataclass(frozen=True)
class Difference:
    """S1 - S2 = diag(x) + H F1^T + F2 H^T, where F1 was turned to F2; both of the same width."""

    x: Array
    h: Array
    f1: Array
    f2: Array
    d1: Array
    d2: Array

    def size(self) -> Array:
        """How large the terms of :func:`_near` are: it loses digits where that is above 1.

        Equal covariances may be split into F and D in many ways.
        """
        least = np.minimum(self.d1, self.d2)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            h = np.sum(self.h**2 / least[..., None], axis=(-2, -1))
            result: Array = h + np.sum((self.x / least) ** 2, axis=-1)
        return result

    def apply(self, v: Array) -> Array:
        """(S1 - S2) v."""
        result: Array = self.h @ (swap(self.f1) @ v) + self.f2 @ (swap(self.h) @ v)
        return self.x[..., None] * v + result


def difference(pair: Pair) -> Difference:
    """What the covariances of a pair differ by."""
    width = max(pair.cov1.shape[-1], pair.cov2.shape[-1]) - 1
    parts = []
    for cov in (pair.cov1, pair.cov2):
        missing = np.zeros((*cov.shape[:-1], width - cov.shape[-1] + 1))
        parts += [np.concatenate([cov[..., :-1], missing], axis=-1), cov[..., -1]]
    f1, d1, f2, d2 = parts
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        weighted = f2 / d2[..., None]
        m = swap(f1) @ weighted
        good = np.all(np.isfinite(m), axis=(-2, -1))[..., None, None]
        u, _, vt = np.linalg.svd(np.where(good, m, 0.0))
        turned = f1 @ (u @ vt)
        gaps = [np.sum((f - f2) ** 2 / d2[..., None], axis=(-2, -1)) for f in (turned, f1)]
        f1 = np.where((gaps[0] < gaps[1] / 4)[..., None, None], turned, f1)
    return Difference(d1 - d2, f1 - f2, f1, f2, d1, d2)


def _gaps(y: Array) -> Array:
    """Tr y - ln det(I + y) of small symmetric matrices."""
    bad = ~np.all(np.isfinite(y), axis=(-2, -1))
    values = np.linalg.eigvalsh(np.where(bad[..., None, None], 0.0, (y + swap(y)) / 2))
    return np.where(bad, np.nan, np.sum(gap(values, 1 + values), axis=-1))


def _near(t: Difference, alpha: float) -> Array:
    """K(S1 | Sa) + alpha / (1 - alpha) K(S2 | Sa), Sa = alpha S2 + (1 - alpha) S1; alpha 1: KL's.

    Sa = T + alpha (1 - alpha) H H^T with T = diag(Da) + G G^T, G = F2 + (1 - alpha) H. The
    determinants of T, S1 and S2 differ by those of r x r matrices M = I + F^T D^-1 F, whose first
    order in H and x cancels; what is left, in closed form, is of the second order term by term.
    """
    beta = 1 - alpha
    weight = alpha / beta if beta else 0.0
    da = t.d2 + beta * t.x
    x = t.x / da
    total = np.sum(gap(alpha * x, t.d1 / da) + weight * gap(-beta * x, t.d2 / da), axis=-1)
    g = t.f2 + beta * t.h
    base = low(np.concatenate([g, da[..., None]], axis=-1))
    m = np.eye(g.shape[-1]) + swap(g) @ (g / da[..., None])
    bad = ~np.all(np.isfinite(base.root), axis=-1)[..., None, None]
    lower = np.linalg.cholesky(np.where(bad, np.eye(g.shape[-1]), m))
    half = [np.linalg.solve(lower, swap(f)) for f in (g, t.h, t.f1, t.f2)]  # r x d
    both = half[0] @ swap(half[1] / da[..., None, :])
    square = half[1] @ swap(half[1] / da[..., None, :])
    both = both + swap(both)
    own = [f @ swap(f * (x / d)[..., None, :]) for f, d in ((half[2], t.d1), (half[3], t.d2))]
    total = total + _gaps(alpha * (both + alpha * square - own[0]))
    if weight:
        total = total + weight * _gaps(beta * (beta * square - both + own[1]))
    hh, h2, f2 = (np.sum(p * q, axis=-2) for p, q in
                  ((half[1], half[1]), (half[1], half[3]), (half[3], half[3])))  # fmt: skip
    rest = hh / da + x * x * (da / t.d1) * f2 / t.d2 - x / t.d1 * (2 * h2 + hh)
    white = base.whiten(t.h)
    inner = swap(white) @ white
    if beta:
        bad = ~np.all(np.isfinite(inner), axis=(-2, -1))
        values = np.linalg.eigvalsh(np.where(bad[..., None, None], 0.0, inner))
        with np.errstate(invalid="ignore", divide="ignore"):
            last = np.sum(np.log1p(alpha * beta * values), axis=-1) / beta
        last = np.where(bad, np.nan, last)
    else:
        last = np.einsum("...ii->...", inner)
    return np.asarray(total + last - alpha * np.sum(rest, axis=-1))


def mixed(t: Difference, alpha: float) -> Low:
    """Of alpha S2 + (1 - alpha) S1; NaN where that is not positive definite."""
    beta = 1 - alpha
    da = t.d2 + beta * t.x
    g = t.f2 + beta * t.h
    if 0 <= alpha <= 1:
        side = np.sqrt(alpha * beta) * t.h
        return low(np.concatenate([g, side, da[..., None]], axis=-1))
    # Where Da is not positive a column of its own makes up for it. A covariance that is positive
    # definite has no more of these than F2 has columns.
    negative = ~(da > 0)
    count = np.count_nonzero(negative, axis=-1)
    hopeless = count > t.f2.shape[-1]
    width = int(np.max(np.where(hopeless, 0, count), initial=0))
    base = np.where(negative, alpha * t.d2, da)
    where = np.argsort(~negative, axis=-1, kind="stable")[..., :width]
    columns = np.zeros((*da.shape, width))
    lost = np.sqrt(np.take_along_axis(base - da, where, axis=-1))[..., None, :]
    np.put_along_axis(columns, where[..., None, :], lost, axis=-2)
    root = np.sqrt(base)
    whole = np.concatenate([g, np.sqrt(-alpha * beta) * t.h, columns], axis=-1) / root[..., None]
    signs = np.ones(whole.shape[-1])
    signs[g.shape[-1] :] = -1
    good = np.all(np.isfinite(whole), axis=(-2, -1)) & ~hopeless
    q, r = np.linalg.qr(np.where(good[..., None, None], whole, 0.0))
    lam, v = np.linalg.eigh(r @ (signs[:, None] * swap(r)))
    good = good & np.all(lam > -1, axis=-1)
    return Low(np.where(good[..., None], root, np.nan), q @ v, np.where(lam > -1, lam, 0.0))


def lows(pair: Pair) -> tuple[Low, Low]:
    """Both covariances of a pair, checked."""
    one, other = (
        checked(pair.function, name, cov, pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    )
    return one, other


def kl(pair: Pair) -> Array:
    """KL(1 | 2)."""
    one, other = lows(pair)
    white = other.whiten(pair.cov1[..., :-1])
    trace = np.sum(pair.cov1[..., -1] * other.inverse_diagonal(), axis=-1)
    trace = trace + np.sum(white * white, axis=(-2, -1)) - pair.d
    value = trace - 2 * (one.half_log_det() - other.half_log_det())
    if np.any(np.abs(value) < _SMALL):
        t = difference(pair)
        near = (np.abs(value) < _SMALL) & (t.size() < 1)
        value = np.where(near, _near(t, 1.0), value)
    value = np.maximum(value, 0)
    return np.broadcast_to((value + other.square(pair.mean1 - pair.mean2)) / 2, pair.batch)


def renyi(pair: Pair, alpha: float) -> Array:
    """Renyi's divergence."""
    one, other = lows(pair)
    t = difference(pair)
    middle = mixed(t, alpha)
    logs = middle.half_log_det() - (1 - alpha) * one.half_log_det() - alpha * other.half_log_det()
    value = 2 * logs / (1 - alpha)
    near = (np.abs(value) < _SMALL) | np.array(abs(1 - alpha) < 1e-4)
    near = near & (t.size() < max(1, 1 / abs(1 - alpha)))  # what the plain difference loses
    near = near & np.all(t.d2 + (1 - alpha) * t.x > 0, axis=-1)
    if np.any(near):
        value = np.where(near, _near(t, alpha), value)
    value = np.maximum(value, 0)
    value = (value + alpha * middle.square(pair.mean1 - pair.mean2)) / 2
    none = ~np.all(np.isfinite(middle.root), axis=-1)
    valid = np.all(np.isfinite(pair.mean1), axis=-1) & np.all(np.isfinite(pair.mean2), axis=-1)
    for given in (one, other):
        valid = valid & np.all(np.isfinite(given.root), axis=-1)
    result = np.where(none, np.where(valid, np.inf, np.nan), value)
    return np.broadcast_to(result, pair.batch)


def mahalanobis(pair: Pair) -> Array:
    """The square of Mahalanobis' distance, in the mean of both covariances."""
    delta = pair.mean1 - pair.mean2
    for given in lows(pair):
        delta = delta + 0 * given.root  # NaN where one is no covariance
    return mixed(difference(pair), 0.5).square(delta)

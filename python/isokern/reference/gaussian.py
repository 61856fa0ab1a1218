# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
r"""Definitions of the divergences between normal distributions.

A covariance is given in one of five forms: ``"cov"`` S, ``"tril"`` its lower Cholesky factor L,
``"factor"`` F with S = F F^T, ``"diag"`` its diagonal, ``"precision"`` its inverse. All means have
shape (..., d) and all covariances (..., d, d), but (..., d, r) for a factor and (..., d) for a
diagonal; the batch axes broadcast. In place of a factor there may be a pair (F, D), which stands
for F F^T + diag(D).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern.reference import _cholesky as la
from isokern.reference._tools import alike

__all__ = [
    "bhattacharyya",
    "cross_entropy",
    "entropy",
    "geometric_js",
    "hellinger",
    "jeffreys",
    "kl",
    "log_prob",
    "mahalanobis",
    "renyi",
    "wasserstein2",
]

Like = Any
Wide = Any
_LOG_2PI = np.log(2 * np.longdouble("3.14159265358979323846264338327950288"))


def _pair(function: str, mean1: Like, cov1: Like, mean2: Like, cov2: Like, form: str) -> Any:
    """Return the dtype, mean1 - mean2, the covariances, and both means."""
    dtype, means = alike(function, mean1=mean1, mean2=mean2)
    one, other = (array.astype(np.longdouble) for array in means.values())
    s1, s2 = (_covariance(function, name, c, form, dtype) for name, c in
              (("cov1", cov1), ("cov2", cov2)))  # fmt: skip
    return dtype, one - other, s1, s2, one, other


def _covariance(function: str, name: str, cov: Like, form: str, dtype: Any = None) -> Any:
    """S from what was given, of the dtype of other arguments."""
    kind, parts = alike(
        function, **dict(_named_parts(name, cov if isinstance(cov, tuple) else (cov,)))
    )
    if dtype is not None and kind != dtype:
        raise TypeError(f"{function}: {name} has dtype {kind}, expected {dtype}")
    wide = [array.astype(np.longdouble) for array in parts.values()]
    if len(wide) == 1:
        return la.covariance(wide[0], form)
    return la.covariance(wide[0], "factor") + la.covariance(wide[1], "diag")


def _named_parts(name: str, parts: tuple[Like, ...]) -> list[tuple[str, Like]]:
    """Names for the parts of an argument."""
    return [(name if i == 0 else f"{name}[{i}]", part) for i, part in enumerate(parts)]


def _round(value: Wide, dtype: Any) -> Any:
    return np.asarray(value).astype(dtype)[()]


def _kl(delta: Wide, s1: Wide, s2: Wide) -> Wide:
    """Half the sum of what remains where the traces and determinants are taken off: no cancelling.

    With S2 = L L^T the difference X = L^-1 (S1 - S2) L^-T is exact where S1 and S2 are close, and
    so is the factor I + E of I + X.
    """
    lower = la.cholesky(s2)
    x = la.solve(lower, la.swap(la.solve(lower, s1 - s2)))
    e = la.cholesky_less_identity(x)
    diagonal = la.diagonal(e)
    gap = np.where(np.abs(diagonal) < 0.1, la.less_log(diagonal), diagonal - np.log1p(diagonal))
    below = np.sum(np.tril(e, -1) ** 2, axis=(-2, -1))
    square = np.sum(la.solve(lower, delta[..., None]) ** 2, axis=(-2, -1))
    return (below + np.sum(diagonal**2 + 2 * gap, axis=-1) + square) / 2


def kl(mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, form: str = "cov") -> Any:
    """(tr(S2^-1 S1) - d + ln det S2 - ln det S1 + delta^T S2^-1 delta) / 2."""
    dtype, delta, s1, s2, _, _ = _pair("kl", mean1, cov1, mean2, cov2, form)
    return _round(_kl(delta, s1, s2), dtype)


def jeffreys(mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, form: str = "cov") -> Any:
    """KL(1 | 2) + KL(2 | 1)."""
    dtype, delta, s1, s2, _, _ = _pair("jeffreys", mean1, cov1, mean2, cov2, form)
    return _round(_kl(delta, s1, s2) + _kl(delta, s2, s1), dtype)


def _renyi(delta: Wide, s1: Wide, s2: Wide, alpha: Wide) -> Wide:
    zero = np.zeros_like(delta)
    mixed = s2 + (1 - alpha) * (s1 - s2)
    lower = la.cholesky(mixed)
    square = np.sum(la.solve(lower, delta[..., None]) ** 2, axis=(-2, -1))
    parts = _kl(zero, s1, mixed) + alpha / (1 - alpha) * _kl(zero, s2, mixed)
    exists = np.all(np.isfinite(la.diagonal(lower)), axis=-1)
    return np.where(exists, parts + alpha * square / 2, np.inf)


def renyi(
    mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, alpha: float, form: str = "cov"
) -> Any:
    """Renyi's divergence, as two Kullback-Leibler divergences to a mixed covariance."""
    dtype, delta, s1, s2, _, _ = _pair("renyi", mean1, cov1, mean2, cov2, form)
    return _round(_renyi(delta, s1, s2, np.longdouble(alpha)), dtype)


def bhattacharyya(mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, form: str = "cov") -> Any:
    """Half of Renyi's divergence of order 1/2."""
    dtype, delta, s1, s2, _, _ = _pair("bhattacharyya", mean1, cov1, mean2, cov2, form)
    return _round(_renyi(delta, s1, s2, np.longdouble(0.5)) / 2, dtype)


def hellinger(
    mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, squared: bool = False, form: str = "cov"
) -> Any:
    """sqrt(1 - exp(-B)), B Bhattacharyya's distance."""
    dtype, delta, s1, s2, _, _ = _pair("hellinger", mean1, cov1, mean2, cov2, form)
    value = -np.expm1(-_renyi(delta, s1, s2, np.longdouble(0.5)) / 2)
    return _round(value if squared else np.sqrt(value), dtype)


def geometric_js(
    mean1: Like,
    cov1: Like,
    mean2: Like,
    cov2: Like,
    *,
    weight: float = 0.5,
    dual: bool = False,
    form: str = "cov",
) -> Any:
    """(1 - a) KL(1 | g) + a KL(2 | g) with the precision-weighted mean g; dual: KL(g | .)."""
    dtype, _, s1, s2, one, other = _pair("geometric_js", mean1, cov1, mean2, cov2, form)
    a = np.longdouble(weight)
    p1, p2 = la.inverse(s1), la.inverse(s2)
    mixed = la.inverse(p1 + a * (p2 - p1))
    middle = one + a * (mixed @ p2 @ (other - one)[..., None])[..., 0]
    if dual:
        value = (1 - a) * _kl(middle - one, mixed, s1) + a * _kl(middle - other, mixed, s2)
    else:
        value = (1 - a) * _kl(one - middle, s1, mixed) + a * _kl(other - middle, s2, mixed)
    return _round(value, dtype)


def wasserstein2(
    mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, squared: bool = False, form: str = "cov"
) -> Any:
    """|delta|^2 + |F1 - F2 Q|^2 with any factors F and the polar factor Q of F1^T F2."""
    dtype, delta, s1, s2, _, _ = _pair("wasserstein2", mean1, cov1, mean2, cov2, form)
    f1, f2 = la.factor(s1), la.factor(s2)
    u, _, v = la.svd(la.swap(f1) @ f2)
    residual = f1 - f2 @ (v @ la.swap(u))
    value = np.sum(delta**2, axis=-1) + np.sum(residual**2, axis=(-2, -1))
    return _round(value if squared else np.sqrt(value), dtype)


def mahalanobis(
    mean1: Like,
    cov1: Like,
    mean2: Like,
    cov2: Like = None,
    *,
    squared: bool = False,
    form: str = "cov",
) -> Any:
    """sqrt(delta^T S^-1 delta) with S = S1, or (S1 + S2) / 2."""
    other = cov1 if cov2 is None else cov2
    dtype, delta, s1, s2, _, _ = _pair("mahalanobis", mean1, cov1, mean2, other, form)
    z = la.solve(la.cholesky((s1 + s2) / 2), delta[..., None])
    square = np.sum(z**2, axis=(-2, -1))
    return _round(square if squared else np.sqrt(square), dtype)


def _standardise(function: str, x: Like, mean: Like, cov: Like, form: str) -> Any:
    dtype, given = alike(function, x=x, mean=mean)
    x, mean = (value.astype(np.longdouble) for value in given.values())
    lower = la.cholesky(_covariance(function, "cov", cov, form, dtype))
    z = la.solve(lower, (x - mean)[..., None])[..., 0]
    return dtype, np.sum(z**2, axis=-1), np.sum(np.log(la.diagonal(lower)), axis=-1), x.shape[-1]


def log_prob(x: Like, mean: Like, cov: Like, *, form: str = "cov") -> Any:
    """-(d ln 2 pi + ln det S + (x - m)^T S^-1 (x - m)) / 2."""
    dtype, square, logs, d = _standardise("log_prob", x, mean, cov, form)
    return _round(-(d * _LOG_2PI + square) / 2 - logs, dtype)


def entropy(cov: Like, *, form: str = "cov") -> Any:
    """(d (1 + ln 2 pi) + ln det S) / 2."""
    dtype = np.asarray(cov[0] if isinstance(cov, tuple) else cov).dtype
    dtype = np.dtype(np.float64) if dtype.kind in "iu" else dtype
    s = _covariance("entropy", "cov", cov, form)
    logs = np.sum(np.log(la.diagonal(la.cholesky(s))), axis=-1)
    return _round(s.shape[-1] * (1 + _LOG_2PI) / 2 + logs, dtype)


def cross_entropy(mean1: Like, cov1: Like, mean2: Like, cov2: Like, *, form: str = "cov") -> Any:
    """Entropy of the first plus KL(1 | 2)."""
    dtype, delta, s1, s2, _, _ = _pair("cross_entropy", mean1, cov1, mean2, cov2, form)
    logs = np.sum(np.log(la.diagonal(la.cholesky(s1))), axis=-1)
    return _round(s1.shape[-1] * (1 + _LOG_2PI) / 2 + logs + _kl(delta, s1, s2), dtype)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Divergences and distances between two normal distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isokern import _gaussian_bures as bures
from isokern import _gaussian_diag as diag
from isokern import _gaussian_lowrank as lowrank
from isokern import _gaussian_near as near
from isokern import _gaussian_pairs as pairs
from isokern._arrays import Array, Errors
from isokern._gaussian_forms import (
    Form,
    Pair,
    check_alpha,
    check_weight,
    factorise,
    finish,
    solve,
    take_pair,
    to_cov,
)
from isokern._gaussian_single import half_log_det, standardised

__all__ = [
    "bhattacharyya",
    "cross_entropy",
    "geometric_js",
    "hellinger",
    "jeffreys",
    "kl",
    "mahalanobis",
    "renyi",
    "wasserstein2",
]

LOG_2PI = math.log(2 * math.pi)


def kl(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov", errors: Errors = "raise",
    out: Any = None,
) -> Any:  # fmt: skip
    r"""Kullback-Leibler divergence of the second distribution from the first.

    :math:`\frac12 (\mathrm{tr}\, S_2^{-1} S_1 - d - \ln\det S_2^{-1} S_1 + \delta^T S_2^{-1}
    \delta)` with :math:`\delta = m_1 - m_2`, as a sum of terms that cannot be negative.

    Parameters
    ----------
    mean1, mean2 : array_like, shape (..., d)
    cov1, cov2 : array_like
        The covariances in the given form; both in the same.
    form : {"cov", "tril", "factor", "diag", "precision"}
        What `cov1` and `cov2` are: covariances S (..., d, d); their lower Cholesky factors; any
        factors F (..., d, r) with S = F F^T, or pairs (F, D) of arrays (..., d, r) and (..., d)
        for F F^T + diag(D), D positive, which take O(d r^2); the diagonals (..., d) of diagonal
        ones, which take O(d); or the inverses of S.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose covariance is not positive definite, not
        symmetric or not finite. NaN in a mean is NaN in the result.
    out : ndarray, optional
        Where the result goes: exact shape and dtype.

    Returns
    -------
    ndarray, shape (...)
        0 exactly for equal arguments. For factors of rank below d: infinity, unless both
        distributions live on the same affine subspace.

    Raises
    ------
    TypeError
        Dtypes other than float32 and float64, or different ones.
    ValueError
        Shapes that do not fit, or a covariance that is not symmetric.
    numpy.linalg.LinAlgError
        A covariance that is not positive definite; the message has its batch index.

    Examples
    --------
    >>> from isokern import gaussian
    >>> gaussian.kl([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    np.float64(0.5)
    """
    pair = take_pair("kl", mean1, cov1, mean2, cov2, form, errors)
    return finish(pairs.kl(pair), "kl", pair.dtype, out)


def jeffreys(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov", errors: Errors = "raise",
    out: Any = None,
) -> Any:  # fmt: skip
    """Jeffreys' divergence KL(1 | 2) + KL(2 | 1), without a factor 1/2.

    Parameters, results and errors as in :func:`kl`.
    """
    pair = take_pair("jeffreys", mean1, cov1, mean2, cov2, form, errors)
    value = pairs.kl(pair) + pairs.kl(pair.swapped())
    return finish(value, "jeffreys", pair.dtype, out)


def bhattacharyya(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov", errors: Errors = "raise",
    out: Any = None,
) -> Any:  # fmt: skip
    r"""Bhattacharyya's distance.

    :math:`\frac18 \delta^T S^{-1} \delta + \frac12 (\ln\det S - \frac12 \ln\det S_1 - \frac12
    \ln\det S_2)` with :math:`S = (S_1 + S_2) / 2`. Parameters, results and errors as in :func:`kl`.
    """
    pair = take_pair("bhattacharyya", mean1, cov1, mean2, cov2, form, errors)
    return finish(pairs.bhattacharyya(pair), "bhattacharyya", pair.dtype, out)


def hellinger(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False, form: Form = "cov",
    errors: Errors = "raise", out: Any = None,
) -> Any:  # fmt: skip
    """Hellinger's distance, sqrt(1 - exp(-B)) with Bhattacharyya's distance B; from 0 to 1.

    With `squared` its square, which is differentiable everywhere. Other parameters, results and
    errors as in :func:`kl`.
    """
    pair = take_pair("hellinger", mean1, cov1, mean2, cov2, form, errors)
    square = -np.expm1(-pairs.bhattacharyya(pair))
    return finish(square if squared else np.sqrt(square), "hellinger", pair.dtype, out)


def renyi(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, alpha: float, form: Form = "cov",
    errors: Errors = "raise", out: Any = None,
) -> Any:  # fmt: skip
    r"""Renyi's divergence of order `alpha`.

    With :math:`S_\alpha = \alpha S_2 + (1 - \alpha) S_1`: :math:`\frac\alpha2 \delta^T
    S_\alpha^{-1} \delta - \frac1{2(\alpha - 1)} (\ln\det S_\alpha - (1 - \alpha) \ln\det S_1 -
    \alpha \ln\det S_2)`. At order 1/2 it is twice Bhattacharyya's distance; towards 1 it becomes
    :func:`kl`, and no digits are lost on the way.

    Parameters
    ----------
    mean1, cov1, mean2, cov2, form, errors, out
        As in :func:`kl`.
    alpha : float
        Positive, not 1.

    Returns
    -------
    ndarray, shape (...)
        Infinity where :math:`S_\alpha` is not positive definite, which alpha above 1 may bring.
    """
    order = check_alpha("renyi", alpha)
    pair = take_pair("renyi", mean1, cov1, mean2, cov2, form, errors)
    return finish(pairs.renyi(pair, order), "renyi", pair.dtype, out)


def geometric_js(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, weight: float = 0.5, dual: bool = False,
    form: Form = "cov", errors: Errors = "raise", out: Any = None,
) -> Any:  # fmt: skip
    r"""Geometric Jensen-Shannon divergence (Nielsen 2019).

    :math:`(1 - a) KL(1 | g) + a KL(2 | g)`, a the `weight`, with the normalised geometric mean g of
    the densities, a normal distribution of precision :math:`(1 - a) P_1 + a P_2`. The `dual` has g
    first: :math:`(1 - a) KL(g | 1) + a KL(g | 2)`. The arithmetic Jensen-Shannon divergence has no
    closed form. Pairs (F, D) become dense covariances here. Other parameters, results and errors as
    in :func:`kl`.
    """
    a = check_weight("geometric_js", weight)
    pair = take_pair("geometric_js", mean1, cov1, mean2, cov2, form, errors)
    return finish(_geometric_js(pair, a, bool(dual)), "geometric_js", pair.dtype, out)


def _geometric_js(pair: Pair, a: float, dual: bool) -> Array:
    if pair.form == "diag":
        return np.broadcast_to(diag.geometric_js(diag.two(pair), a, dual), pair.batch)
    return near.refine(pair, _by_precisions(pair, a, dual), lambda t: diag.geometric_js(t, a, dual))


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
        else factorise(name, text, _covs(pair, text), "inverse", mode)
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


def _covs(pair: Pair, text: str) -> Array:
    return to_cov(pair.function, text, getattr(pair, text), pair.form, pair.errors)


def wasserstein2(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False, form: Form = "cov",
    errors: Errors = "raise", out: Any = None,
) -> Any:  # fmt: skip
    r"""2-Wasserstein distance (between covariances alone: Bures').

    :math:`W_2^2 = |\delta|^2 + \mathrm{tr} S_1 + \mathrm{tr} S_2 - 2 \mathrm{tr} (S_1^{1/2} S_2
    S_1^{1/2})^{1/2}`, from factors, without a matrix square root: it exists for singular
    covariances too, and is a sum of squares where the expression would cancel.

    Parameters
    ----------
    mean1, cov1, mean2, cov2, form, errors, out
        As in :func:`kl`; covariances may be singular (positive semidefinite, D not negative).
        Pairs (F, D) take O(d^2 (d + r)), as the factors [F, D^(1/2)].
    squared : bool
        Return the square.

    Returns
    -------
    ndarray, shape (...)
        0 exactly for equal arguments.
    """
    pair = take_pair("wasserstein2", mean1, cov1, mean2, cov2, form, errors, definite=False)
    square = bures.wasserstein2_squared(pair)
    return finish(square if squared else np.sqrt(square), "wasserstein2", pair.dtype, out)


def mahalanobis(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any = None, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise", out: Any = None,
) -> Any:  # fmt: skip
    r"""Mahalanobis' distance :math:`\sqrt{\delta^T S^{-1} \delta}` of two points or means.

    S is `cov1`, or, where `cov2` is given, the mean of both covariances: an eighth of the square is
    then the means' part of :func:`bhattacharyya`. Other parameters, results and errors as in
    :func:`kl`.
    """
    name = "mahalanobis"
    pair = take_pair(name, mean1, cov1, mean2, cov1 if cov2 is None else cov2, form, errors)
    delta = pair.mean1 - pair.mean2
    if cov2 is None:
        square = standardised(name, delta, pair.cov1, pair.form, pair.errors)[0]
    elif pair.form == "diag":
        square = diag.mahalanobis(diag.two(pair))
    elif pair.form == "lowrank":
        square = lowrank.mahalanobis(pair)
    else:
        if pair.form == "cov":
            for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2)):
                delta = delta + 0 * half_log_det(name, text, cov, "cov", pair.errors)[..., None]
        mean = (_covs(pair, "cov1") + _covs(pair, "cov2")) / 2
        square = standardised(name, delta, mean, "cov", pair.errors)[0]
    square = np.broadcast_to(square, pair.batch)
    return finish(square if squared else np.sqrt(square), name, pair.dtype, out)


def cross_entropy(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov", errors: Errors = "raise",
    out: Any = None,
) -> Any:  # fmt: skip
    """Cross-entropy -E_1 ln p_2, the entropy of the first plus KL(1 | 2).

    Parameters, results and errors as in :func:`kl`.
    """
    name = "cross_entropy"
    pair = take_pair(name, mean1, cov1, mean2, cov2, form, errors)
    own = half_log_det(name, "cov1", pair.cov1, pair.form, pair.errors)
    value = pair.d * (1 + LOG_2PI) / 2 + own + pairs.kl(pair)
    return finish(value, name, pair.dtype, out)

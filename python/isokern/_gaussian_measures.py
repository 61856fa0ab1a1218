# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Divergences and distances between two normal distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_bures as bures
from isokern import _gaussian_diag as diag
from isokern import _gaussian_geometric as geometric
from isokern import _gaussian_lowrank as lowrank
from isokern import _gaussian_pairs as pairs
from isokern._arrays import Array, Errors
from isokern._gaussian_checks import check_alpha, check_weight
from isokern._gaussian_forms import (
    Form,
    Pair,
    finish,
    take_pair,
    to_cov,
)
from isokern._gaussian_kl import cross_entropy, jeffreys, kl
from isokern._gaussian_single import half_log_det, standardised
from isokern._gaussian_triangles import mixed_factor

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


def bhattacharyya(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov", errors: Errors = "raise",
    out: Any = None,
) -> Any:  # fmt: skip
    r"""Bhattacharyya's distance.

    :math:`\frac18 \delta^T S^{-1} \delta + \frac12 (\ln\det S - \frac12 \ln\det S_1 - \frac12
    \ln\det S_2)` with :math:`S = (S_1 + S_2) / 2`. Parameters, results and errors as in :func:`kl`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    T. Kailath, The divergence and Bhattacharyya distance measures in signal selection, IEEE
    Transactions on Communication Technology 15, 1967, 52-60.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.bhattacharyya(*given, form="diag"), 6))
    0.161572
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

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    E. Hellinger, J. reine angew. Math. 136, 1909, 210-271.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.hellinger(*given, form="diag"), 6))
    0.386257
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

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    T. van Erven and P. Harremoës, Rényi divergence and Kullback-Leibler divergence, IEEE Trans.
    Inf. Theory 60, 2014, 3797-3820.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.renyi(*given, alpha=0.5, form="diag"), 6))
    0.323144
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

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    F. Nielsen, On the Jensen-Shannon symmetrization of distances relying on abstract means,
    Entropy 21, 2019, 485.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.geometric_js(*given, form="diag"), 6))
    0.275928
    """
    a = check_weight("geometric_js", weight)
    pair = take_pair("geometric_js", mean1, cov1, mean2, cov2, form, errors)
    return finish(geometric.divergence(pair, a, bool(dual)), "geometric_js", pair.dtype, out)


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

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    C. R. Givens and R. M. Shortt, A class of Wasserstein metrics for probability distributions,
    Michigan Math. J. 31, 1984, 231-240. R. Bhatia, T. Jain and Y. Lim, On the Bures-Wasserstein
    distance between positive definite matrices, Expo. Math. 37, 2019, 165-191.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.wasserstein2(*given, form="diag"), 6))
    1.414214
    """
    pair = take_pair("wasserstein2", mean1, cov1, mean2, cov2, form, errors, definite=False)
    square = bures.wasserstein2_squared(pair)
    return finish(square if squared else np.sqrt(square), "wasserstein2", pair.dtype, out)


def _covs(pair: Pair, text: str) -> Array:
    return to_cov(pair.function, text, getattr(pair, text), pair.form, pair.errors)


def mahalanobis(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any = None, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise", out: Any = None,
) -> Any:  # fmt: skip
    r"""Mahalanobis' distance :math:`\sqrt{\delta^T S^{-1} \delta}` of two points or means.

    S is `cov1`, or, where `cov2` is given, the mean of both covariances: an eighth of the square is
    then the means' part of :func:`bhattacharyya`. Other parameters, results and errors as in
    :func:`kl`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    P. C. Mahalanobis, On the generalised distance in statistics, Proc. Natl. Inst. Sci. India 2,
    1936, 49-55.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.mahalanobis(*given, form="diag"), 6))
    0.632456
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
    elif pair.form in ("tril", "factor"):
        f1, f2 = (np.tril(c) if form == "tril" else c for c in (pair.cov1, pair.cov2))
        mean = mixed_factor(f1, f2, 0.5)
        square = standardised(name, delta, mean, "factor", pair.errors)[0]
    else:
        if pair.form == "cov":
            for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2)):
                delta = delta + 0 * half_log_det(name, text, cov, "cov", pair.errors)[..., None]
        mean = (_covs(pair, "cov1") + _covs(pair, "cov2")) / 2
        square = standardised(name, delta, mean, "cov", pair.errors)[0]
    square = np.broadcast_to(square, pair.batch)
    return finish(square if squared else np.sqrt(square), name, pair.dtype, out)

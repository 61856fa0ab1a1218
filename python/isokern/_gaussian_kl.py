# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Kullback and Leibler's divergence, and what is made of it."""

from __future__ import annotations

import math
from typing import Any

from isokern import _gaussian_pairs as pairs
from isokern._arrays import Errors
from isokern._gaussian_forms import Form, finish, take_pair
from isokern._gaussian_single import half_log_det

__all__ = ["cross_entropy", "jeffreys", "kl"]

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

    References
    ----------
    S. Kullback, Information Theory and Statistics, 1959, chapter 9.

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

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    H. Jeffreys, An invariant form for the prior probability in estimation problems, Proc. R.
    Soc. A 186, 1946, 453-461.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.jeffreys(*given, form="diag"), 6))
    1.75
    """
    pair = take_pair("jeffreys", mean1, cov1, mean2, cov2, form, errors)
    value = pairs.kl(pair) + pairs.kl(pair.swapped())
    return finish(value, "jeffreys", pair.dtype, out)


def cross_entropy(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov", errors: Errors = "raise",
    out: Any = None,
) -> Any:  # fmt: skip
    """Cross-entropy -E_1 ln p_2, the entropy of the first plus KL(1 | 2).

    Parameters, results and errors as in :func:`kl`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd edition, 2006, chapter 8.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> float(round(gaussian.cross_entropy(*given, form="diag"), 6))
    1.862086
    """
    name = "cross_entropy"
    pair = take_pair(name, mean1, cov1, mean2, cov2, form, errors)
    own = half_log_det(name, "cov1", pair.cov1, pair.form, pair.errors)
    value = pair.d * (1 + LOG_2PI) / 2 + own + pairs.kl(pair)
    return finish(value, name, pair.dtype, out)

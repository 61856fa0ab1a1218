# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Vector-Jacobian products of the measures, in the means and in the given form of covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_gradients as grad
from isokern._arrays import Array, Errors, sum_to, take
from isokern._gaussian_checks import check_alpha, check_weight
from isokern._gaussian_forms import (
    Form,
    Pair,
    take_pair,
)

__all__ = [
    "bhattacharyya_vjp",
    "cross_entropy_vjp",
    "geometric_js_vjp",
    "hellinger_vjp",
    "jeffreys_vjp",
    "kl_vjp",
    "mahalanobis_vjp",
    "renyi_vjp",
    "wasserstein2_vjp",
]

Four = tuple[Array, Any, Array, Any]


def weighted(name: str, cotangent: Any, batch: tuple[int, ...]) -> Array:
    g = take(name, "cotangent", cotangent).astype(np.float64)
    if g.shape != batch:
        raise ValueError(f"{name}: cotangent has shape {g.shape}, expected {batch}")
    return g


def returned(value: Array, given: Any, own: Array, batch: tuple[int, ...], form: str) -> Any:
    """A gradient in a covariance as it was given: (F, D) as a pair, each of its own shape."""
    axes = 1 if form == "diag" else 2
    whole = np.broadcast_to(value, (*batch, *own.shape[-axes:]))
    if form != "lowrank":
        return sum_to(whole, own.shape)
    f, d = (np.shape(part) for part in given)
    return sum_to(whole[..., :-1], f), sum_to(whole[..., -1], d)


def rounded(value: Any, dtype: np.dtype[Any]) -> Any:
    """In the dtype of the arguments."""
    if isinstance(value, tuple):
        return tuple(part.astype(dtype) for part in value)
    return value.astype(dtype)


def _pull(
    name: str, cotangent: Any, given: tuple[Any, ...], form: Form, errors: Errors, gradients: Any,
    *, definite: bool = True,
) -> Four:  # fmt: skip
    """Gradients of the four arguments; `gradients` gives those of a pair, in its own form."""
    mean1, cov1, mean2, cov2 = given
    pair = take_pair(name, mean1, cov1, mean2, cov2, form, errors, definite=definite)
    g = weighted(name, cotangent, pair.batch)
    m1, s1, m2, s2 = grad.scaled(gradients(pair), g, pair.form)
    means = [
        sum_to(np.broadcast_to(m, (*pair.batch, pair.d)), own.shape).astype(pair.dtype)
        for m, own in ((m1, pair.mean1), (m2, pair.mean2))
    ]
    first, second = (
        rounded(returned(value, cov, own, pair.batch, pair.form), pair.dtype)
        for value, cov, own in ((s1, cov1, pair.cov1), (s2, cov2, pair.cov2))
    )
    return means[0], first, means[1], second


def kl_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`kl` back to its arguments.

    Parameters
    ----------
    cotangent : array_like, shape (...)
        The gradient of a scalar in the result, of the result's shape.
    mean1, cov1, mean2, cov2, form, errors
        As in the call of :func:`kl`. (So it is with the other measures: their options, errors and
        sources are those of the call, the conventions of the gradients those here.)

    Returns
    -------
    mean1_bar, cov1_bar, mean2_bar, cov2_bar : ndarray
        The gradients, of the shapes of the arguments. In a covariance or a precision it is the
        symmetric G with dD = tr(G dS); in a triangular factor it is lower triangular; of a pair
        (F, D) it is a pair.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    That of :func:`kl`; M. B. Giles, Collected matrix derivative results for forward and
    reverse mode algorithmic differentiation, 2008.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.kl_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.25]), array([-0.375]))
    """
    given = (mean1, cov1, mean2, cov2)
    return _pull("kl_vjp", cotangent, given, form, errors, grad.kl)


def jeffreys_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`jeffreys` back; as :func:`kl_vjp`.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.jeffreys_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-1.25]), array([-2.375]))
    """
    given = (mean1, cov1, mean2, cov2)
    return _pull("jeffreys_vjp", cotangent, given, form, errors, grad.jeffreys)


def bhattacharyya_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`bhattacharyya` back; as :func:`kl_vjp`.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.bhattacharyya_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.1]), array([-0.16]))
    """

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.scaled(grad.renyi(pair, 0.5), 0.5, pair.form)

    given = (mean1, cov1, mean2, cov2)
    return _pull("bhattacharyya_vjp", cotangent, given, form, errors, gradients)


def hellinger_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`hellinger` back; as :func:`kl_vjp`.

    The distance itself is not differentiable where it is 0: its gradient there is defined as 0.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.hellinger_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.110135]), array([-0.176215]))
    """

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.hellinger(pair, squared)

    given = (mean1, cov1, mean2, cov2)
    return _pull("hellinger_vjp", cotangent, given, form, errors, gradients)


def renyi_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, alpha: float,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`renyi` back; as :func:`kl_vjp`. NaN where it is infinite.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.renyi_vjp(1.0, *given, alpha=0.5, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.2]), array([-0.32]))
    """
    order = check_alpha("renyi_vjp", alpha)

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.renyi(pair, order)

    given = (mean1, cov1, mean2, cov2)
    return _pull("renyi_vjp", cotangent, given, form, errors, gradients)


def geometric_js_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, weight: float = 0.5,
    dual: bool = False, form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`geometric_js` back; as :func:`kl_vjp`.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.geometric_js_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.2125]), array([-0.43375]))
    """
    a = check_weight("geometric_js_vjp", weight)

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.geometric_js(pair, a, bool(dual))

    given = (mean1, cov1, mean2, cov2)
    return _pull("geometric_js_vjp", cotangent, given, form, errors, gradients)


def wasserstein2_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`wasserstein2` back; as :func:`kl_vjp`.

    The distance itself is not differentiable where it is 0: its gradient there is defined as 0. In
    a singular covariance there is no gradient, but there is in a factor of it; where F1^T F2 is
    rank-deficient it is the subgradient with the polar factor of least norm.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.wasserstein2_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.707107]), array([-0.353553]))
    """

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.wasserstein2(pair, squared)

    given = (mean1, cov1, mean2, cov2)
    return _pull("wasserstein2_vjp", cotangent, given, form, errors, gradients, definite=False)


def mahalanobis_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`mahalanobis`, with both covariances, back; as :func:`kl_vjp`.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.mahalanobis_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.632456]), array([-0.063246]))
    """

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.mahalanobis(pair, squared)

    given = (mean1, cov1, mean2, cov2)
    return _pull("mahalanobis_vjp", cotangent, given, form, errors, gradients)


def cross_entropy_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`cross_entropy` back; as :func:`kl_vjp`.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0], [1.0], [1.0], [4.0]
    >>> m1, s1, m2, s2 = gaussian.cross_entropy_vjp(1.0, *given, form="diag")
    >>> m1.round(6), s1.round(6)
    (array([-0.25]), array([0.125]))
    """
    given = (mean1, cov1, mean2, cov2)
    return _pull("cross_entropy_vjp", cotangent, given, form, errors, grad.cross_entropy)

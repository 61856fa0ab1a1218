# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Vector-Jacobian products of the measures, in the means and in the given form of covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_gradients as grad
from isokern._arrays import Array, Errors, sum_to, take
from isokern._gaussian_forms import (
    Form,
    Pair,
    check_form,
    diagonal,
    factorise,
    take_pair,
    to_cov,
)
from isokern._gaussian_measures import check_alpha

__all__ = [
    "bhattacharyya_vjp",
    "cross_entropy_vjp",
    "entropy_vjp",
    "geometric_js_vjp",
    "hellinger_vjp",
    "jeffreys_vjp",
    "kl_vjp",
    "log_prob_vjp",
    "mahalanobis_vjp",
    "renyi_vjp",
    "wasserstein2_vjp",
]

Four = tuple[Array, Array, Array, Array]


def to_form(g: Array, given: Array, cov: Array, form: str) -> Array:
    """The gradient in the given form from G in S."""
    if form == "cov":
        return g
    if form == "diag":
        return diagonal(g)
    if form == "precision":
        return -cov @ g @ cov
    if form == "tril":
        return np.tril(2 * g @ np.tril(given))
    return 2 * g @ given


def _pull(
    name: str, cotangent: Any, given: tuple[Any, ...], form: Form, errors: Errors, gradients: Any
) -> Four:
    """Gradients of the four arguments; `gradients` takes a pair of covariances in the form cov."""
    if any(isinstance(cov, tuple) for cov in given[1::2]):
        raise ValueError(f"{name}: covariances (F, D) have no gradient here: give the form cov")
    mean1, cov1, mean2, cov2 = given
    pair = take_pair(name, mean1, cov1, mean2, cov2, form, errors)
    g = take(name, "cotangent", cotangent).astype(np.float64)
    if g.shape != pair.batch:
        raise ValueError(f"{name}: cotangent has shape {g.shape}, expected {pair.batch}")
    covs = [
        to_cov(name, text, cov, form, pair.errors)
        for text, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    ]
    direct = gradients is _wasserstein2 or gradients is _wasserstein2_squared
    four = gradients(pair if direct else pair.with_covs("cov", *covs))
    m1, s1, m2, s2 = grad.scaled(four, g)
    results = []
    for text, value, own in (("mean1", m1, pair.mean1), ("cov1", s1, pair.cov1),
                             ("mean2", m2, pair.mean2), ("cov2", s2, pair.cov2)):  # fmt: skip
        if text.startswith("cov") and not (direct and form == "factor"):
            value = to_form(value, own, covs[0 if text == "cov1" else 1], form)
        axes = 1 if text.startswith("mean") or form == "diag" else 2
        whole = np.broadcast_to(value, (*pair.batch, *own.shape[-axes:]))
        results.append(sum_to(whole, own.shape).astype(pair.dtype))
    return results[0], results[1], results[2], results[3]


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
        As in the call of :func:`kl`.

    Returns
    -------
    mean1_bar, cov1_bar, mean2_bar, cov2_bar : ndarray
        The gradients, of the shapes of the arguments. In a covariance or a precision it is the
        symmetric G with dD = tr(G dS); in a triangular factor it is lower triangular.
    """
    given = (mean1, cov1, mean2, cov2)
    return _pull("kl_vjp", cotangent, given, form, errors, grad.kl)


def _jeffreys(pair: Pair) -> grad.Gradients:
    return grad.added(grad.kl(pair), grad.exchanged(grad.kl(pair.swapped())))


def jeffreys_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`jeffreys` back; as :func:`kl_vjp`."""
    given = (mean1, cov1, mean2, cov2)
    return _pull("jeffreys_vjp", cotangent, given, form, errors, _jeffreys)


def bhattacharyya_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`bhattacharyya` back; as :func:`kl_vjp`."""

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.scaled(grad.renyi(pair, 0.5), 0.5)

    given = (mean1, cov1, mean2, cov2)
    return _pull("bhattacharyya_vjp", cotangent, given, form, errors, gradients)


def hellinger_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`hellinger` back; as :func:`kl_vjp`.

    The distance itself is not differentiable where it is 0: its gradient there is defined as 0.
    """

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.hellinger(pair, squared)

    given = (mean1, cov1, mean2, cov2)
    return _pull("hellinger_vjp", cotangent, given, form, errors, gradients)


def renyi_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, alpha: float,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`renyi` back; as :func:`kl_vjp`. NaN where it is infinite."""
    order = check_alpha("renyi_vjp", alpha)

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.renyi(pair, order)

    given = (mean1, cov1, mean2, cov2)
    return _pull("renyi_vjp", cotangent, given, form, errors, gradients)


def geometric_js_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, weight: float = 0.5,
    dual: bool = False, form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`geometric_js` back; as :func:`kl_vjp`."""

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.geometric_js(pair, float(weight), dual)

    given = (mean1, cov1, mean2, cov2)
    return _pull("geometric_js_vjp", cotangent, given, form, errors, gradients)


def _wasserstein2(pair: Pair) -> grad.Gradients:
    return grad.wasserstein2(pair, squared=False)


def _wasserstein2_squared(pair: Pair) -> grad.Gradients:
    return grad.wasserstein2(pair, squared=True)


def wasserstein2_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`wasserstein2` back; as :func:`kl_vjp`.

    The distance itself is not differentiable where it is 0: its gradient there is defined as 0. In
    a singular covariance there is no gradient, but there is in a factor of it; where F1^T F2 is
    rank-deficient it is the subgradient with the polar factor of least norm.
    """
    given = (mean1, cov1, mean2, cov2)
    gradients = _wasserstein2_squared if squared else _wasserstein2
    return _pull("wasserstein2_vjp", cotangent, given, form, errors, gradients)


def mahalanobis_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`mahalanobis`, with both covariances, back; as :func:`kl_vjp`."""

    def gradients(pair: Pair) -> grad.Gradients:
        return grad.mahalanobis(pair, squared)

    given = (mean1, cov1, mean2, cov2)
    return _pull("mahalanobis_vjp", cotangent, given, form, errors, gradients)


def cross_entropy_vjp(
    cotangent: Any, mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Four:  # fmt: skip
    """Pull a cotangent of :func:`cross_entropy` back; as :func:`kl_vjp`."""

    def gradients(pair: Pair) -> grad.Gradients:
        m1, _, m2, s2 = grad.kl(pair)
        return m1, grad.inverse(pair, "cov2", pair.cov2) / 2, m2, s2

    given = (mean1, cov1, mean2, cov2)
    return _pull("cross_entropy_vjp", cotangent, given, form, errors, gradients)


def entropy_vjp(cotangent: Any, cov: Any, *, form: Form = "cov", errors: Errors = "raise") -> Array:
    """Pull a cotangent of :func:`entropy` back to the covariance."""
    name = "entropy_vjp"
    check_form(name, form)
    given = take(name, "cov", cov)
    zero = np.zeros(given.shape[-1] if form == "diag" else given.shape[-2], given.dtype)
    pair = take_pair(name, zero, given, zero, given, form, errors)
    g = take(name, "cotangent", cotangent).astype(np.float64)
    if g.shape != pair.batch:
        raise ValueError(f"{name}: cotangent has shape {g.shape}, expected {pair.batch}")
    s = to_cov(name, "cov", pair.cov1, form, pair.errors)
    p = factorise(name, "cov", s, "inverse", pair.errors)
    result: Array = to_form(g[..., None, None] * p / 2, pair.cov1, s, form).astype(given.dtype)
    return result


def log_prob_vjp(
    cotangent: Any, x: Any, mean: Any, cov: Any, *, form: Form = "cov", errors: Errors = "raise"
) -> tuple[Array, Array, Array]:
    """Pull a cotangent of :func:`log_prob` back to its arguments x, mean and cov."""
    name = "log_prob_vjp"

    def gradients(pair: Pair) -> grad.Gradients:
        p = grad.inverse(pair, "cov1", pair.cov1)
        y = grad.times(p, pair.mean1 - pair.mean2)
        g = (grad.outer(y, y) - p) / 2
        return -y, g, y, np.zeros_like(g)

    x_bar, cov_bar, mean_bar, _ = _pull(
        name, cotangent, (x, cov, mean, cov), form, errors, gradients
    )
    return x_bar, mean_bar, cov_bar

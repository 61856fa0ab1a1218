# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Divergences between normals as torch tensors, with autograd: twins of `isokern.gaussian`.

Each function has the arguments, shapes, conventions and errors of its namesake there, without
`out`; it takes CPU tensors and gives one. Gradients are exact and exist for equal distributions,
too. In a covariance they are symmetric, as torch's own through ``A + A.mT`` are; of a triangular
factor the lower triangle counts.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from isokern import gaussian as _numpy
from isokern._arrays import Errors
from isokern._gaussian_forms import Form, check_form
from isokern.torch import _gaussians as _expressions
from isokern.torch._function import Kernel, call, take

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
    "register_kl",
    "renyi",
    "wasserstein2",
]


def _pair(
    name: str, mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, form: Form,
    errors: Errors, **options: Any,
) -> Any:  # fmt: skip
    check_form(name, form)
    tensors = take(name, mean1=mean1, cov1=cov1, mean2=mean2, cov2=cov2)
    axes = 1 if form == "diag" else 2
    value = partial(getattr(_numpy, name), form=form, errors=errors, **options)
    gradient = getattr(_numpy, f"{name}_vjp")

    def vjp(cotangents: Any, *inputs: Any) -> Any:
        return gradient(cotangents[0], *inputs, form=form, errors=errors, **options)

    def expression(*inputs: Tensor) -> tuple[Tensor]:
        one, s1, other, s2 = inputs
        covs = [_expressions.covariance(s, form) for s in (s1, s2)]
        return (getattr(_expressions, name)(one, covs[0], other, covs[1], **options),)

    return call(Kernel(value, vjp, expression, (1, axes, 1, axes), (0,)), *tensors)


def kl(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Kullback-Leibler divergence KL(1 | 2).

    Parameters
    ----------
    mean1, mean2 : Tensor, shape (..., d)
    cov1, cov2 : Tensor
        The covariances in the given form.
    form : {"cov", "tril", "factor", "diag", "precision"}
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, shape (...)

    See Also
    --------
    isokern.gaussian.kl : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import gaussian
    >>> gaussian.kl(torch.zeros(2), torch.ones(2), torch.ones(2), torch.ones(2), form="diag")
    tensor(1.)
    """
    return _pair("kl", mean1, cov1, mean2, cov2, form, errors)


def jeffreys(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """KL(1 | 2) + KL(2 | 1); parameters as in :func:`kl`."""
    return _pair("jeffreys", mean1, cov1, mean2, cov2, form, errors)


def bhattacharyya(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Bhattacharyya's distance; parameters as in :func:`kl`."""
    return _pair("bhattacharyya", mean1, cov1, mean2, cov2, form, errors)


def hellinger(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Hellinger's distance or its square; other parameters as in :func:`kl`."""
    return _pair("hellinger", mean1, cov1, mean2, cov2, form, errors, squared=squared)


def renyi(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, alpha: float,
    form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Renyi's divergence of order `alpha`; other parameters as in :func:`kl`."""
    return _pair("renyi", mean1, cov1, mean2, cov2, form, errors, alpha=alpha)


def geometric_js(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, weight: float = 0.5,
    dual: bool = False, form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Geometric Jensen-Shannon divergence; other parameters as in :func:`kl`."""
    options = {"weight": weight, "dual": dual}
    return _pair("geometric_js", mean1, cov1, mean2, cov2, form, errors, **options)


def wasserstein2(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """2-Wasserstein distance or its square; other parameters as in :func:`kl`.

    The gradient has no differences of eigenvalues in it. Derivatives beyond the first go through
    torch's singular values, which want these to be distinct.
    """
    return _pair("wasserstein2", mean1, cov1, mean2, cov2, form, errors, squared=squared)


def mahalanobis(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor | None = None, *,
    squared: bool = False, form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Mahalanobis' distance; other parameters as in :func:`kl`."""
    other = cov1 if cov2 is None else cov2
    return _pair("mahalanobis", mean1, cov1, mean2, other, form, errors, squared=squared)


def cross_entropy(
    mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Entropy of the first plus KL(1 | 2); parameters as in :func:`kl`."""
    return _pair("cross_entropy", mean1, cov1, mean2, cov2, form, errors)


def entropy(cov: Tensor, *, form: Form = "cov", errors: Errors = "raise") -> Tensor:
    """Differential entropy, in nats; parameters as in :func:`kl`."""
    check_form("entropy", form)
    (cov,) = take("entropy", cov=cov)

    def vjp(cotangents: Any, given: Any) -> Any:
        return (_numpy.entropy_vjp(cotangents[0], given, form=form, errors=errors),)

    def expression(given: Tensor) -> tuple[Tensor]:
        return (_expressions.entropy(_expressions.covariance(given, form)),)

    value = partial(_numpy.entropy, form=form, errors=errors)
    result: Tensor = call(Kernel(value, vjp, expression, (1 if form == "diag" else 2,), (0,)), cov)
    return result


def log_prob(
    x: Tensor, mean: Tensor, cov: Tensor, *, form: Form = "cov", errors: Errors = "raise"
) -> Tensor:
    """Logarithm of the density at `x` (..., d); other parameters as in :func:`kl`."""
    check_form("log_prob", form)
    x, mean, cov = take("log_prob", x=x, mean=mean, cov=cov)

    def vjp(cotangents: Any, *inputs: Any) -> Any:
        return _numpy.log_prob_vjp(cotangents[0], *inputs, form=form, errors=errors)

    def expression(point: Tensor, centre: Tensor, given: Tensor) -> tuple[Tensor]:
        return (_expressions.log_prob(point, centre, _expressions.covariance(given, form)),)

    axes = 1 if form == "diag" else 2
    value = partial(_numpy.log_prob, form=form, errors=errors)
    result: Tensor = call(Kernel(value, vjp, expression, (1, 1, axes), (0,)), x, mean, cov)
    return result


def register_kl() -> None:
    """Let ``torch.distributions.kl_divergence`` of two ``MultivariateNormal`` use :func:`kl`.

    For the whole process, and only where this is called. Tensors on other devices are not taken
    any more.
    """
    from torch.distributions import MultivariateNormal, register_kl

    def _kl_normals(p: Any, q: Any) -> Tensor:
        return kl(p.loc, p.scale_tril, q.loc, q.scale_tril, form="tril")

    register_kl(MultivariateNormal, MultivariateNormal)(_kl_normals)
    torch.distributions.kl._KL_MEMOIZE.clear()

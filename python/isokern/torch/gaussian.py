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

Covariance = Tensor | tuple[Tensor, Tensor]


def _pair(
    name: str, mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, form: Form,
    errors: Errors, **options: Any,
) -> Any:  # fmt: skip
    check_form(name, form)
    if isinstance(cov1, tuple) or isinstance(cov2, tuple):
        return _pair_of_lowranks(name, mean1, cov1, mean2, cov2, form, errors, **options)
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


def _two(name: str, argument: str, cov: Any, form: Form) -> list[Tensor]:
    """F and D of a covariance given as a pair."""
    if form != "factor" or not isinstance(cov, tuple) or len(cov) != 2:
        raise ValueError(
            f"{name}: {argument} is a {type(cov).__name__} for the form {form}; pairs (F, D) are "
            "of the form factor, and both covariances must be such pairs or none"
        )
    return take(name, **{f"F of {argument}": cov[0], f"D of {argument}": cov[1]})


def _pair_of_lowranks(
    name: str, mean1: Tensor, cov1: Any, mean2: Tensor, cov2: Any, form: Form, errors: Errors,
    **options: Any,
) -> Any:  # fmt: skip
    (m1, m2), (f1, d1), (f2, d2) = (
        take(name, mean1=mean1, mean2=mean2),
        _two(name, "cov1", cov1, form),
        _two(name, "cov2", cov2, form),
    )
    function, gradient = getattr(_numpy, name), getattr(_numpy, f"{name}_vjp")

    def given(m1: Any, f1: Any, d1: Any, m2: Any, f2: Any, d2: Any) -> Any:
        return m1, (f1, d1), m2, (f2, d2)

    def value(*inputs: Any) -> Any:
        return function(*given(*inputs), form=form, errors=errors, **options)

    def vjp(cotangents: Any, *inputs: Any) -> Any:
        one, s1, other, s2 = gradient(
            cotangents[0], *given(*inputs), form=form, errors=errors, **options
        )
        return one, *s1, other, *s2

    def expression(*inputs: Tensor) -> tuple[Tensor]:
        one, s1, other, s2 = given(*inputs)
        covs = [_expressions.lowrank(*s) for s in (s1, s2)]
        return (getattr(_expressions, name)(one, covs[0], other, covs[1], **options),)

    kernel = Kernel(value, vjp, expression, (1, 2, 1, 1, 2, 1), (0,))
    return call(kernel, m1, f1, d1, m2, f2, d2)


def kl(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Kullback-Leibler divergence KL(1 | 2).

    Parameters
    ----------
    mean1, mean2 : Tensor, shape (..., d)
    cov1, cov2 : Tensor
        The covariances in the given form; of the form factor also pairs (F, D).
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
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """KL(1 | 2) + KL(2 | 1); parameters as in :func:`kl`."""
    return _pair("jeffreys", mean1, cov1, mean2, cov2, form, errors)


def bhattacharyya(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Bhattacharyya's distance; parameters as in :func:`kl`."""
    return _pair("bhattacharyya", mean1, cov1, mean2, cov2, form, errors)


def hellinger(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Hellinger's distance or its square; other parameters as in :func:`kl`."""
    return _pair("hellinger", mean1, cov1, mean2, cov2, form, errors, squared=squared)


def renyi(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, alpha: float,
    form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Renyi's divergence of order `alpha`; other parameters as in :func:`kl`."""
    return _pair("renyi", mean1, cov1, mean2, cov2, form, errors, alpha=alpha)


def geometric_js(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, weight: float = 0.5,
    dual: bool = False, form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Geometric Jensen-Shannon divergence; other parameters as in :func:`kl`."""
    options = {"weight": weight, "dual": dual}
    return _pair("geometric_js", mean1, cov1, mean2, cov2, form, errors, **options)


def wasserstein2(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, squared: bool = False,
    form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """2-Wasserstein distance or its square; other parameters as in :func:`kl`.

    The gradient has no differences of eigenvalues in it. Derivatives beyond the first go through
    torch's singular values, which want these to be distinct.
    """
    return _pair("wasserstein2", mean1, cov1, mean2, cov2, form, errors, squared=squared)


def mahalanobis(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance | None = None, *,
    squared: bool = False, form: Form = "cov", errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Mahalanobis' distance; other parameters as in :func:`kl`."""
    other = cov1 if cov2 is None else cov2
    return _pair("mahalanobis", mean1, cov1, mean2, other, form, errors, squared=squared)


def cross_entropy(
    mean1: Tensor, cov1: Covariance, mean2: Tensor, cov2: Covariance, *, form: Form = "cov",
    errors: Errors = "raise",
) -> Tensor:  # fmt: skip
    """Entropy of the first plus KL(1 | 2); parameters as in :func:`kl`."""
    return _pair("cross_entropy", mean1, cov1, mean2, cov2, form, errors)


def entropy(cov: Covariance, *, form: Form = "cov", errors: Errors = "raise") -> Tensor:
    """Differential entropy, in nats; parameters as in :func:`kl`."""
    check_form("entropy", form)
    if isinstance(cov, tuple):
        return _entropy_of_lowrank(cov, form, errors)
    (cov,) = take("entropy", cov=cov)

    def vjp(cotangents: Any, given: Any) -> Any:
        return (_numpy.entropy_vjp(cotangents[0], given, form=form, errors=errors),)

    def expression(given: Tensor) -> tuple[Tensor]:
        return (_expressions.entropy(_expressions.covariance(given, form)),)

    value = partial(_numpy.entropy, form=form, errors=errors)
    result: Tensor = call(Kernel(value, vjp, expression, (1 if form == "diag" else 2,), (0,)), cov)
    return result


def _entropy_of_lowrank(cov: Any, form: Form, errors: Errors) -> Tensor:
    def value(f: Any, d: Any) -> Any:
        return _numpy.entropy((f, d), form=form, errors=errors)

    def vjp(cotangents: Any, f: Any, d: Any) -> Any:
        return _numpy.entropy_vjp(cotangents[0], (f, d), form=form, errors=errors)

    def expression(f: Tensor, d: Tensor) -> tuple[Tensor]:
        return (_expressions.entropy(_expressions.lowrank(f, d)),)

    kernel = Kernel(value, vjp, expression, (2, 1), (0,))
    result: Tensor = call(kernel, *_two("entropy", "cov", cov, form))
    return result


def log_prob(
    x: Tensor, mean: Tensor, cov: Covariance, *, form: Form = "cov", errors: Errors = "raise"
) -> Tensor:
    """Logarithm of the density at `x` (..., d); other parameters as in :func:`kl`."""
    check_form("log_prob", form)
    if isinstance(cov, tuple):
        return _log_prob_of_lowrank(x, mean, cov, form, errors)
    x, mean, cov = take("log_prob", x=x, mean=mean, cov=cov)

    def vjp(cotangents: Any, *inputs: Any) -> Any:
        return _numpy.log_prob_vjp(cotangents[0], *inputs, form=form, errors=errors)

    def expression(point: Tensor, centre: Tensor, given: Tensor) -> tuple[Tensor]:
        return (_expressions.log_prob(point, centre, _expressions.covariance(given, form)),)

    axes = 1 if form == "diag" else 2
    value = partial(_numpy.log_prob, form=form, errors=errors)
    result: Tensor = call(Kernel(value, vjp, expression, (1, 1, axes), (0,)), x, mean, cov)
    return result


def _log_prob_of_lowrank(x: Tensor, mean: Tensor, cov: Any, form: Form, errors: Errors) -> Tensor:
    def value(point: Any, centre: Any, f: Any, d: Any) -> Any:
        return _numpy.log_prob(point, centre, (f, d), form=form, errors=errors)

    def vjp(cotangents: Any, point: Any, centre: Any, f: Any, d: Any) -> Any:
        x_bar, mean_bar, cov_bar = _numpy.log_prob_vjp(
            cotangents[0], point, centre, (f, d), form=form, errors=errors
        )
        return x_bar, mean_bar, *cov_bar

    def expression(point: Tensor, centre: Tensor, f: Tensor, d: Tensor) -> tuple[Tensor]:
        return (_expressions.log_prob(point, centre, _expressions.lowrank(f, d)),)

    tensors = take("log_prob", x=x, mean=mean)
    kernel = Kernel(value, vjp, expression, (1, 1, 2, 1), (0,))
    result: Tensor = call(kernel, *tensors, *_two("log_prob", "cov", cov, form))
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

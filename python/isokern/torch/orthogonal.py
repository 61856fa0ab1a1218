# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Orthogonal maps of torch tensors, differentiable to any order: twins of `isokern.orthogonal`.

Each function has the arguments, shapes, conventions and errors of its namesake there, without
`out`; it takes CPU tensors and gives one. An argument that is no tensor is a TypeError, one on
another device a ValueError. Gradients that do not exist (of the rotation at b = -a, of the
reflection at a = b) raise when they are asked for, or are NaN with ``errors="nan"``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from isokern import orthogonal as _numpy
from isokern._arrays import Errors
from isokern.torch import _reflectors
from isokern.torch._function import Kernel, call, take
from isokern.torch._haar import HaarRotation, haar
from isokern.torch._matrices import apply_reflectors, compact_wy, form_q, qr
from isokern.torch._parametrize import OrthogonalParametrization, orthogonalize

__all__ = [
    "HaarRotation",
    "OrthogonalParametrization",
    "apply_reflectors",
    "compact_wy",
    "form_q",
    "haar",
    "orthogonalize",
    "qr",
    "reflect",
    "reflect_between",
    "reflection_matrix",
    "rotate_between",
    "rotation_matrix",
]


def _single(vjp: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a function with one output."""
    return lambda cotangents, *inputs: vjp(cotangents[0], *inputs)


def _one(expression: Callable[..., Tensor], *options: Any) -> Callable[..., tuple[Tensor]]:
    """An expression with one output."""
    return lambda *inputs: (expression(*options, *inputs),)


def reflect_between(a: Tensor, b: Tensor, x: Tensor, *, errors: Errors = "raise") -> Tensor:
    """Apply to `x` the reflection that swaps `a/|a|` and `b/|b|`.

    Parameters
    ----------
    a, b, x : Tensor, shape (..., d)
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, shape (..., d)

    See Also
    --------
    isokern.orthogonal.reflect_between : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> a, b, x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    >>> iso.reflect_between(a, b, x)
    tensor([1., 3.])
    """
    a, b, x = take("reflect_between", a=a, b=b, x=x)
    kernel = Kernel(
        partial(_numpy.reflect_between, errors=errors),
        _single(partial(_numpy.reflect_between_vjp, errors=errors)),
        _one(_reflectors.between, -1),
        inputs=(1, 1, 1),
        outputs=(1,),
    )
    return call(kernel, a, b, x)


def rotate_between(
    a: Tensor, b: Tensor, x: Tensor, *, transpose: bool = False, errors: Errors = "raise"
) -> Tensor:
    """Apply to `x` the minimal rotation that turns `a/|a|` into `b/|b|`.

    Parameters
    ----------
    a, b, x : Tensor, shape (..., d)
    transpose : bool
        Apply the inverse.
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, shape (..., d)

    See Also
    --------
    isokern.orthogonal.rotate_between : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> a = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    >>> b, x = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 5.0]])
    >>> y = iso.rotate_between(a, b, x)
    >>> y.detach()
    tensor([0., 1., 5.])
    >>> y[0].backward()
    >>> a.grad
    tensor([ 0.,  1., -5.])
    """
    a, b, x = take("rotate_between", a=a, b=b, x=x)
    options: Any = {"transpose": transpose, "errors": errors}

    def expression(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor]:
        return (_reflectors.between(1, *((b, a) if transpose else (a, b)), x),)

    kernel = Kernel(
        partial(_numpy.rotate_between, **options),
        _single(partial(_numpy.rotate_between_vjp, **options)),
        expression,
        inputs=(1, 1, 1),
        outputs=(1,),
    )
    return call(kernel, a, b, x)


def reflection_matrix(a: Tensor, b: Tensor, *, errors: Errors = "raise") -> Tensor:
    """Build the matrix of :func:`reflect_between`.

    Parameters
    ----------
    a, b : Tensor, shape (..., d)
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, shape (..., d, d)

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> iso.reflection_matrix(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    tensor([[0., 1.],
            [1., 0.]])
    """
    a, b = take("reflection_matrix", a=a, b=b)
    kernel = Kernel(
        partial(_numpy.reflection_matrix, errors=errors),
        _single(partial(_numpy.reflection_matrix_vjp, errors=errors)),
        _one(_reflectors.between_matrix, -1),
        inputs=(1, 1),
        outputs=(2,),
    )
    return call(kernel, a, b)


def rotation_matrix(a: Tensor, b: Tensor, *, errors: Errors = "raise") -> Tensor:
    """Build the matrix of :func:`rotate_between`.

    Parameters
    ----------
    a, b : Tensor, shape (..., d)
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, shape (..., d, d)

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> iso.rotation_matrix(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    tensor([[ 0., -1.],
            [ 1.,  0.]])
    """
    a, b = take("rotation_matrix", a=a, b=b)
    kernel = Kernel(
        partial(_numpy.rotation_matrix, errors=errors),
        _single(partial(_numpy.rotation_matrix_vjp, errors=errors)),
        _one(_reflectors.between_matrix, 1),
        inputs=(1, 1),
        outputs=(2,),
    )
    return call(kernel, a, b)


def reflect(
    v: Tensor, x: Tensor, *, tau: Tensor | float | None = None, errors: Errors = "raise"
) -> Tensor:
    r"""Apply one Householder reflector to each vector: :math:`x - \tau v (v \cdot x)`.

    Parameters
    ----------
    v, x : Tensor, shape (..., d)
    tau : Tensor, shape (...), or float, optional
        :math:`2/|v|^2` by default, and then part of what is differentiated.
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, shape (..., d)

    See Also
    --------
    isokern.orthogonal.reflect : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> iso.reflect(torch.tensor([0.0, 3.0]), torch.tensor([2.0, 1.0]))
    tensor([ 2., -1.])
    """
    v, x = take("reflect", v=v, x=x)
    number = tau if tau is None or isinstance(tau, (int, float)) else None
    factors = [] if tau is number else take("reflect", tau=tau)

    def value(v: Any, x: Any, tau: Any = number) -> Any:
        return _numpy.reflect(v, x, tau=tau, errors=errors)

    def vjp(cotangents: Any, v: Any, x: Any, tau: Any = number) -> Any:
        gradients = _numpy.reflect_vjp(cotangents[0], v, x, tau=tau, errors=errors)
        return gradients[: 2 + len(factors)]

    def expression(v: Tensor, x: Tensor, tau: Any = number) -> tuple[Tensor]:
        return (_reflectors.reflect(v, x, tau),)

    ranks = (1, 1, 0)[: 2 + len(factors)]
    kernel = Kernel(value, vjp, expression, inputs=ranks, outputs=(1,))
    return call(kernel, v, x, *factors)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Twins of the functions on matrices: products of reflectors, QR factors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from torch import Tensor

from isokern import orthogonal as _numpy
from isokern._arrays import Errors
from isokern.torch import _products
from isokern.torch._function import Kernel, call, take

Storage = Literal["dense", "lapack"]
Side = Literal["left", "right"]
Mode = Literal["reduced", "complete", "r", "factored"]


def apply_reflectors(
    v: Tensor,
    x: Tensor,
    *,
    tau: Tensor | None = None,
    side: Side = "left",
    transpose: bool = False,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Tensor:
    """Multiply `x` by the product of reflectors Q = H_1 H_2 ... H_k.

    Parameters
    ----------
    v : Tensor, shape (..., m, k)
        The columns are the reflectors.
    x : Tensor, shape (..., m, n), or (..., n, m) from the right
    tau : Tensor, shape (..., k), optional
        ``2 / |v|^2`` by default, and then part of what is differentiated: the gradient in a column
        of `v` is orthogonal to it.
    side : {"left", "right"}
        Q x, or x Q.
    transpose : bool
        Q^T in place of Q.
    storage : {"dense", "lapack"}
        Whether all of `v` counts, or the part below the diagonal with ones implied on it. The rest
        has no gradient.
    errors : {"raise", "nan"}

    Returns
    -------
    Tensor, of the shape of `x`, broadcast

    See Also
    --------
    isokern.orthogonal.apply_reflectors : the same on arrays, in full words.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> v = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    >>> iso.apply_reflectors(v, torch.eye(3))
    tensor([[ 0.,  1.,  0.],
            [-1.,  0.,  0.],
            [ 0.,  0.,  1.]])
    """
    name = "apply_reflectors"
    given = _given(name, tau, v=v, x=x)
    options: Any = {"side": side, "transpose": transpose, "storage": storage, "errors": errors}

    def value(v: Any, x: Any, tau: Any = None) -> Any:
        return _numpy.apply_reflectors(v, x, tau=tau, **options)

    def vjp(cotangents: Any, v: Any, x: Any, tau: Any = None) -> Any:
        return _numpy.apply_reflectors_vjp(cotangents[0], v, x, tau=tau, **options)

    def jvp(tangents: Any, v: Any, x: Any, tau: Any = None) -> Any:
        v_dot, x_dot, *rest = tangents
        tau_dot = rest[0] if rest else None
        return _numpy.apply_reflectors_jvp(v, x, v_dot, x_dot, tau=tau, tau_dot=tau_dot, **options)[
            1
        ]

    def expression(v: Tensor, x: Tensor, tau: Tensor | None = None) -> tuple[Tensor]:
        return (_products.apply(v, x, tau, side, transpose, storage),)

    ranks = (2, 2, 1)[: len(given)]
    return call(Kernel(value, vjp, expression, ranks, (2,), jvp=jvp), *given)


def compact_wy(
    v: Tensor, *, tau: Tensor | None = None, storage: Storage = "dense", errors: Errors = "raise"
) -> Tensor:
    """The upper triangular T with H_1 ... H_k = I - V T V^T.

    Parameters
    ----------
    v : Tensor, shape (..., m, k)
    tau : Tensor, shape (..., k), optional
    storage : {"dense", "lapack"}
    errors : {"raise", "nan"}
        All as in :func:`apply_reflectors`.

    Returns
    -------
    Tensor, shape (..., k, k)

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> iso.compact_wy(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    tensor([[ 1., -2.],
            [ 0.,  2.]])
    """
    given = _given("compact_wy", tau, v=v)
    options: Any = {"storage": storage, "errors": errors}

    def value(v: Any, tau: Any = None) -> Any:
        return _numpy.compact_wy(v, tau=tau, **options)

    def vjp(cotangents: Any, v: Any, tau: Any = None) -> Any:
        return _numpy.compact_wy_vjp(cotangents[0], v, tau=tau, **options)

    def expression(v: Tensor, tau: Tensor | None = None) -> tuple[Tensor]:
        return (_products.compact_wy(v, tau, storage),)

    return call(Kernel(value, vjp, expression, (2, 1)[: len(given)], (2,)), *given)


def form_q(
    v: Tensor,
    *,
    tau: Tensor | None = None,
    thin: bool = True,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Tensor:
    """Build Q = H_1 H_2 ... H_k, or its first columns.

    Parameters
    ----------
    v : Tensor, shape (..., m, k)
    tau : Tensor, shape (..., k), optional
    thin : bool
        The first min(m, k) columns, otherwise all m.
    storage : {"dense", "lapack"}
    errors : {"raise", "nan"}
        The others as in :func:`apply_reflectors`.

    Returns
    -------
    Tensor, shape (..., m, min(m, k)) or (..., m, m)

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> iso.form_q(torch.tensor([[1.0], [1.0], [0.0]]))
    tensor([[ 0.],
            [-1.],
            [ 0.]])
    """
    given = _given("form_q", tau, v=v)
    options: Any = {"thin": thin, "storage": storage, "errors": errors}

    def value(v: Any, tau: Any = None) -> Any:
        return _numpy.form_q(v, tau=tau, **options)

    def vjp(cotangents: Any, v: Any, tau: Any = None) -> Any:
        return _numpy.form_q_vjp(cotangents[0], v, tau=tau, **options)

    def expression(v: Tensor, tau: Tensor | None = None) -> tuple[Tensor]:
        return (_products.form_q(v, tau, thin, storage),)

    return call(Kernel(value, vjp, expression, (2, 1)[: len(given)], (2,)), *given)


def qr(x: Tensor, *, mode: Mode = "reduced") -> Any:
    """Factor x = Q R, with LAPACK's signs.

    Parameters
    ----------
    x : Tensor, shape (..., m, n)
    mode : {"reduced", "complete", "r", "factored"}

    Returns
    -------
    q, r : Tensor
        Of the shapes (..., m, p) and (..., p, n) with p = min(m, n); "complete": (..., m, m) and
        (..., m, n); "r": r alone; "factored": the reflectors, their factors, and r.

    See Also
    --------
    isokern.orthogonal.qr : the same on arrays, in full words.

    Notes
    -----
    Derivatives exist where the first p columns of `x` are independent; in mode "complete" for
    m <= n only. What asks for one of the mode "factored" is a ValueError.

    Examples
    --------
    >>> import torch
    >>> from isokern.torch import orthogonal as iso
    >>> q, r = iso.qr(torch.tensor([[3.0], [4.0]]))
    >>> r
    tensor([[-5.]])
    """
    (x,) = take("qr", x=x)

    def value(x: Any) -> Any:
        results = _numpy.qr(x, mode=mode)
        if mode == "factored":
            return results
        results = (results,) if mode == "r" else results
        diagonal = np.diagonal(results[-1], axis1=-2, axis2=-1)
        return (*results, np.where(diagonal < 0, -1.0, 1.0).astype(diagonal.dtype))

    if mode == "factored":
        return call(Kernel(value, _no_derivative, _no_derivative, (2,), (2, 1, 2)), x)

    def vjp(cotangents: Any, x: Any) -> Any:
        return _numpy.qr_vjp(cotangents[0] if mode == "r" else cotangents, x, mode=mode)

    def expression(x: Tensor, signs: Tensor) -> tuple[Tensor, ...]:
        return _products.qr(x, signs, mode)

    outputs = (2, 1) if mode == "r" else (2, 2, 1)
    return call(Kernel(value, vjp, expression, (2,), outputs, kept=1), x)


def _given(function: str, tau: Tensor | None, **values: Tensor) -> list[Tensor]:
    """The tensors of a call, `tau` last where there is one."""
    return take(function, **values, **({} if tau is None else {"tau": tau}))


def _no_derivative(*_: Any) -> Any:
    raise ValueError('qr: mode "factored" has no derivative here: differentiate mode "reduced"')

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of the maps in :mod:`isokern.orthogonal`."""

from __future__ import annotations

from typing import Any

from isokern import _core
from isokern._arrays import Array, Errors, broadcast_batch, core_errors, empty, sum_to, take_alike
from isokern._vectors import length, rows, take_tau


def _cotangent_batch(name: str, cotangent: Array, batch: tuple[int, ...]) -> None:
    if cotangent.shape[:-1] != batch:
        raise ValueError(
            f"{name}: cotangent has shape {cotangent.shape}, "
            f"expected {(*batch, cotangent.shape[-1])}"
        )


def _between_vjp(
    name: str, call: Any, cotangent: Any, a: Any, b: Any, x: Any, errors: Errors, *options: bool
) -> tuple[Array, Array, Array]:
    x, g, a, b = take_alike(name, x=x, cotangent=cotangent, a=a, b=b)
    pairs = broadcast_batch(name, a=rows(name, "a", a), b=rows(name, "b", b))
    batch = broadcast_batch(name, a=pairs, x=rows(name, "x", x))
    d = length(name, x, cotangent=g, a=a, b=b)
    _cotangent_batch(name, g, batch)
    a_bar, b_bar = empty((*pairs, d), x.dtype), empty((*pairs, d), x.dtype)
    x_bar = empty((*batch, d), x.dtype)
    call(g, a, b, x, *options, core_errors(name, errors, fresh=True), a_bar, b_bar, x_bar)
    return sum_to(a_bar, a.shape), sum_to(b_bar, b.shape), sum_to(x_bar, x.shape)


def reflect_between_vjp(
    cotangent: Any, a: Any, b: Any, x: Any, *, errors: Errors = "raise"
) -> tuple[Array, Array, Array]:
    """Pull a cotangent of :func:`reflect_between` back to its arguments.

    Parameters
    ----------
    cotangent : array_like, shape (..., d)
        The gradient of a scalar in the result, of the result's shape.
    a, b, x : array_like, shape (..., d)
        As in the call of :func:`reflect_between`.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose gradient does not exist.

    Returns
    -------
    a_bar, b_bar, x_bar : ndarray
        The gradients, of the shapes of the arguments: summed over the axes in which these were
        broadcast, in an order that
        depends on shapes and strides alone. `a_bar` and `b_bar` are orthogonal
        to `a` and `b`, as their lengths do not matter.

    Raises
    ------
    TypeError, ValueError
        As :func:`reflect_between`.
    numpy.linalg.LinAlgError
        At a = b, where the map is a matter of convention. Near there the gradients grow like 1/|a -
        b|.
    """
    return _between_vjp(
        "reflect_between_vjp", _core.reflect_between_vjp, cotangent, a, b, x, errors
    )


def rotate_between_vjp(
    cotangent: Any, a: Any, b: Any, x: Any, *, transpose: bool = False, errors: Errors = "raise"
) -> tuple[Array, Array, Array]:
    """Pull a cotangent of :func:`rotate_between` back to its arguments.

    Parameters
    ----------
    cotangent : array_like, shape (..., d)
        The gradient of a scalar in the result, of the result's shape.
    a, b, x : array_like, shape (..., d)
        As in the call of :func:`rotate_between`.
    transpose : bool
        As in that call.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose gradient does not exist.

    Returns
    -------
    a_bar, b_bar, x_bar : ndarray
        The gradients, of the shapes of the arguments: summed over the axes in which these were
        broadcast, in an order that
        depends on shapes and strides alone. `a_bar` and `b_bar` are orthogonal
        to `a` and `b`, as their lengths do not matter.

    Raises
    ------
    TypeError, ValueError
        As :func:`rotate_between`.
    numpy.linalg.LinAlgError
        At b = -a, where the map is a matter of convention. Near there the gradients grow like 1/|a
        + b|.
    """
    return _between_vjp(
        "rotate_between_vjp", _core.rotate_between_vjp, cotangent, a, b, x, errors, bool(transpose)
    )


def _matrix_vjp(
    name: str, call: Any, cotangent: Any, a: Any, b: Any, errors: Errors
) -> tuple[Array, Array]:
    a, g, b = take_alike(name, a=a, cotangent=cotangent, b=b)
    batch = broadcast_batch(name, a=rows(name, "a", a), b=rows(name, "b", b))
    d = length(name, a, cotangent=g, b=b)
    _cotangent_batch(name, g, (*batch, d))
    a_bar, b_bar = empty((*batch, d), a.dtype), empty((*batch, d), a.dtype)
    call(g, a, b, core_errors(name, errors, fresh=True), a_bar, b_bar)
    return sum_to(a_bar, a.shape), sum_to(b_bar, b.shape)


def reflection_matrix_vjp(
    cotangent: Any, a: Any, b: Any, *, errors: Errors = "raise"
) -> tuple[Array, Array]:
    """Pull a cotangent of :func:`reflection_matrix`, shape (..., d, d), back to `a` and `b`.

    Parameters
    ----------
    cotangent : array_like, shape (..., d, d)
        The gradient of a scalar in the matrix.
    a, b : array_like, shape (..., d)
        As in the call of :func:`reflection_matrix`.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose gradient does not exist.

    Returns
    -------
    a_bar, b_bar : ndarray
        The gradients, of the shapes of the arguments.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`reflect_between_vjp`.
    """
    return _matrix_vjp(
        "reflection_matrix_vjp", _core.reflection_matrix_vjp, cotangent, a, b, errors
    )


def rotation_matrix_vjp(
    cotangent: Any, a: Any, b: Any, *, errors: Errors = "raise"
) -> tuple[Array, Array]:
    """Pull a cotangent of :func:`rotation_matrix`, shape (..., d, d), back to `a` and `b`.

    Parameters
    ----------
    cotangent : array_like, shape (..., d, d)
        The gradient of a scalar in the matrix.
    a, b : array_like, shape (..., d)
        As in the call of :func:`rotation_matrix`.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose gradient does not exist.

    Returns
    -------
    a_bar, b_bar : ndarray
        The gradients, of the shapes of the arguments.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`rotate_between_vjp`.
    """
    return _matrix_vjp("rotation_matrix_vjp", _core.rotation_matrix_vjp, cotangent, a, b, errors)


def reflect_vjp(
    cotangent: Any, v: Any, x: Any, *, tau: Any = None, errors: Errors = "raise"
) -> tuple[Array, ...]:
    """Pull a cotangent of :func:`reflect` back to its arguments.

    Parameters
    ----------
    cotangent : array_like, shape (..., d)
        The gradient of a scalar in the result, of the result's shape.
    v, x : array_like, shape (..., d)
        As in the call of :func:`reflect`.
    tau : array_like, shape (...), optional
        As in that call. By default it follows `v`, which the gradient takes into account.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.

    Returns
    -------
    v_bar, x_bar : ndarray
        The gradients, of the shapes of the arguments.
    tau_bar : ndarray
        The third, where `tau` is given.

    Raises
    ------
    TypeError, ValueError
        As :func:`reflect`.
    """
    name = "reflect_vjp"
    x, g, v = take_alike(name, x=x, cotangent=cotangent, v=v)
    factor = take_tau(name, tau, x)
    vectors = rows(name, "v", v)
    if factor is not None:
        vectors = broadcast_batch(name, v=vectors, tau=factor.shape)
    batch = broadcast_batch(name, v=vectors, x=rows(name, "x", x))
    d = length(name, x, cotangent=g, v=v)
    _cotangent_batch(name, g, batch)
    v_bar, x_bar = empty((*vectors, d), x.dtype), empty((*batch, d), x.dtype)
    tau_bar = None if factor is None else empty(vectors, x.dtype)
    _core.reflect_vjp(g, v, factor, x, core_errors(name, errors, fresh=True), v_bar, tau_bar, x_bar)
    gradients = sum_to(v_bar, v.shape), sum_to(x_bar, x.shape)
    if factor is None or tau_bar is None:
        return gradients
    return (*gradients, sum_to(tau_bar, factor.shape))

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Orthogonal maps: from one vector to another, as products of reflectors, factors and at random.

The maps that carry one vector to another are applied in O(d) and in one pass over memory; products
of many reflectors go by matrix products, and so do QR and the random matrices.

The maps of single vectors work on the last axis; the axes before it are a batch and broadcast as in
NumPy. float32 stays float32, float64 stays float64, integers become float64; one call takes one
dtype. Vectors `a` and `b` need not have length 1: the maps carry ``a/|a|`` to ``b/|b|``, at full
accuracy for every angle and every length that the dtype holds. Inner products are accumulated in
double precision for both dtypes. Results do not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

from isokern import _core
from isokern._arrays import (
    MAX_RANK,
    Array,
    Errors,
    broadcast_batch,
    core_errors,
    empty,
    take_alike,
    take_output,
)
from isokern._haar import HaarRotation, haar
from isokern._orthogonal_vjp import (
    reflect_between_vjp,
    reflect_vjp,
    reflection_matrix_vjp,
    rotate_between_vjp,
    rotation_matrix_vjp,
)
from isokern._qr import qr, qr_vjp
from isokern._reflectors import apply_reflectors, compact_wy, form_q
from isokern._reflectors_vjp import (
    apply_reflectors_jvp,
    apply_reflectors_vjp,
    compact_wy_vjp,
    form_q_vjp,
)
from isokern._vectors import length, rows, take_tau

__all__ = [
    "HaarRotation",
    "apply_reflectors",
    "apply_reflectors_jvp",
    "apply_reflectors_vjp",
    "compact_wy",
    "compact_wy_vjp",
    "form_q",
    "form_q_vjp",
    "haar",
    "qr",
    "qr_vjp",
    "reflect",
    "reflect_between",
    "reflect_between_vjp",
    "reflect_vjp",
    "reflection_matrix",
    "reflection_matrix_vjp",
    "rotate_between",
    "rotate_between_vjp",
    "rotation_matrix",
    "rotation_matrix_vjp",
]


def _output(function: str, out: Any, batch: tuple[int, ...], d: int, like: Array) -> Array:
    shape = (*batch, d)
    return (
        empty(shape, like.dtype)
        if out is None
        else take_output(function, "out", out, shape, like.dtype)
    )


def reflect_between(a: Any, b: Any, x: Any, *, errors: Errors = "raise", out: Any = None) -> Any:
    r"""Apply to `x` the reflection that swaps `a/|a|` and `b/|b|`.

    With unit a and b it is :math:`H = I - w w^T / (1 - a \cdot b)`, :math:`w = a - b`; its
    determinant is -1.

    Parameters
    ----------
    a, b : array_like, shape (..., d)
        The vectors; not zero, finite.
    x : array_like, shape (..., d)
        What is mapped. NaN or infinity in a row of `x` stays in that row.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.
    out : ndarray, optional
        Where the result goes: exact shape and dtype. It may be `x` itself and must otherwise
        overlap no input.

    Returns
    -------
    ndarray, shape (..., d)
        :math:`H x`, or `out`.

    Raises
    ------
    TypeError
        Dtypes other than float32 and float64, or different ones.
    ValueError
        Shapes that do not fit; a zero or non-finite `a` or `b` (the message has the batch index).
        `out` is untouched then.
    numpy.linalg.LinAlgError
        d = 1 and a = b: the line has no reflection that keeps `a`.

    Notes
    -----
    At a = b the reflection is not unique. Then :math:`H = I - 2 h h^T` with h the unit vector
    :math:`e_k` made orthogonal to a, k the index of the smallest :math:`|a_k|`: `a` is kept and the
    determinant stays -1. Where a and b nearly agree, w is orthogonalised against a + b, so that
    accuracy does not depend on the angle.

    References
    ----------
    A. S. Householder, "Unitary triangularization of a nonsymmetric matrix", J. ACM 5 (1958),
    339-342.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.orthogonal import reflect_between
    >>> reflect_between([1.0, 0.0], [0.0, 2.0], [3.0, 1.0])
    array([1., 3.])
    """
    name = "reflect_between"
    x, a, b = take_alike(name, x=x, a=a, b=b)
    batch = broadcast_batch(name, a=rows(name, "a", a), b=rows(name, "b", b), x=rows(name, "x", x))
    target = _output(name, out, batch, length(name, x, a=a, b=b), x)
    _core.reflect_between(a, b, x, core_errors(name, errors, fresh=out is None), target)
    return target if out is None else out


def rotate_between(
    a: Any, b: Any, x: Any, *, transpose: bool = False, errors: Errors = "raise", out: Any = None
) -> Any:
    r"""Apply to `x` the minimal rotation that turns `a/|a|` into `b/|b|`.

    With unit a and b it is :math:`T = I - u u^T / (1 + a \cdot b) + 2 b a^T`, :math:`u = a + b`. It
    turns the plane of a and b by the angle between them and leaves the orthogonal complement alone;
    its determinant is 1.

    Parameters
    ----------
    a, b : array_like, shape (..., d)
        The vectors; not zero, finite.
    x : array_like, shape (..., d)
        What is mapped. NaN or infinity in a row of `x` stays in that row.
    transpose : bool
        Apply the inverse, :math:`T^T x`.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.
    out : ndarray, optional
        Where the result goes: exact shape and dtype. It may be `x` itself and must otherwise
        overlap no input.

    Returns
    -------
    ndarray, shape (..., d)
        :math:`T x`, or `out`.

    Raises
    ------
    TypeError
        Dtypes other than float32 and float64, or different ones.
    ValueError
        Shapes that do not fit; a zero or non-finite `a` or `b` (the message has the batch index).
        `out` is untouched then.
    numpy.linalg.LinAlgError
        d = 1 and b = -a: the line has no rotation but the identity.

    Notes
    -----
    At b = -a the plane is not determined. Then the rotation turns by pi in the plane of a and h,
    the unit vector :math:`e_k` made orthogonal to a, k the index of the smallest :math:`|a_k|`.
    Where b is close to -a, 1 + a.b is pure cancellation: T is then applied as the product of two
    reflections, H(b) H(u), with u orthogonalised against a - b.

    With `out` and ``errors="raise"`` all vectors are looked at before the first is mapped;
    ``errors="nan"``, like a fresh output, needs one pass.

    References
    ----------
    G. W. Stewart, "The efficient generation of random orthogonal matrices", SIAM J. Numer. Anal. 17
    (1980), 403-409, for rotations as products of reflections.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.orthogonal import rotate_between
    >>> rotate_between([1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [[1.0, 0.0, 5.0], [0.0, 1.0, 5.0]])
    array([[ 0.,  1.,  5.],
           [-1.,  0.,  5.]])
    """
    name = "rotate_between"
    x, a, b = take_alike(name, x=x, a=a, b=b)
    batch = broadcast_batch(name, a=rows(name, "a", a), b=rows(name, "b", b), x=rows(name, "x", x))
    target = _output(name, out, batch, length(name, x, a=a, b=b), x)
    _core.rotate_between(
        a, b, x, bool(transpose), core_errors(name, errors, fresh=out is None), target
    )
    return target if out is None else out


def _matrix(name: str, call: Any, a: Any, b: Any, errors: Errors, out: Any) -> Any:
    a, b = take_alike(name, a=a, b=b)
    batch = broadcast_batch(name, a=rows(name, "a", a), b=rows(name, "b", b))
    d = length(name, a, b=b)
    if len(batch) > MAX_RANK - 2:
        raise ValueError(
            f"{name}: a and b have {len(batch)} batch axes, expected at most {MAX_RANK - 2}"
        )
    target = _output(name, out, (*batch, d), d, a)
    call(a, b, core_errors(name, errors, fresh=out is None), target)
    return target if out is None else out


def reflection_matrix(a: Any, b: Any, *, errors: Errors = "raise", out: Any = None) -> Any:
    """Build the matrix of :func:`reflect_between`.

    Parameters
    ----------
    a, b : array_like, shape (..., d)
        The vectors; not zero, finite.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.
    out : ndarray, shape (..., d, d), optional
        Where the result goes; it must overlap no input.

    Returns
    -------
    ndarray, shape (..., d, d)
        Symmetric, orthogonal, of determinant -1.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`reflect_between`.

    Examples
    --------
    >>> from isokern.orthogonal import reflection_matrix
    >>> reflection_matrix([1.0, 0.0], [0.0, 1.0])
    array([[0., 1.],
           [1., 0.]])
    """
    return _matrix("reflection_matrix", _core.reflection_matrix, a, b, errors, out)


def rotation_matrix(a: Any, b: Any, *, errors: Errors = "raise", out: Any = None) -> Any:
    """Build the matrix of :func:`rotate_between`.

    Parameters
    ----------
    a, b : array_like, shape (..., d)
        The vectors; not zero, finite.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.
    out : ndarray, shape (..., d, d), optional
        Where the result goes; it must overlap no input.

    Returns
    -------
    ndarray, shape (..., d, d)
        Orthogonal, of determinant 1.

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`rotate_between`.

    Examples
    --------
    >>> from isokern.orthogonal import rotation_matrix
    >>> rotation_matrix([1.0, 0.0], [0.0, 1.0])
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    return _matrix("rotation_matrix", _core.rotation_matrix, a, b, errors, out)


def reflect(v: Any, x: Any, *, tau: Any = None, errors: Errors = "raise", out: Any = None) -> Any:
    r"""Apply one Householder reflector to each vector: :math:`x - \tau v (v \cdot x)`.

    Parameters
    ----------
    v : array_like, shape (..., d)
        The reflector; finite, and not zero unless `tau` is given.
    x : array_like, shape (..., d)
        What is mapped. NaN or infinity in a row of `x` stays in that row.
    tau : array_like, shape (...), optional
        The factor; :math:`2/|v|^2` by default, for which the map is orthogonal.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.
    out : ndarray, optional
        Where the result goes: exact shape and dtype. It may be `x` itself and must otherwise
        overlap no input.

    Returns
    -------
    ndarray, shape (..., d)
        The image, or `out`.

    Raises
    ------
    TypeError
        Dtypes other than float32 and float64, or different ones.
    ValueError
        Shapes that do not fit; a zero `v` without `tau`; a non-finite `v` or `tau`. `out` is
        untouched then.

    References
    ----------
    A. S. Householder, "Unitary triangularization of a nonsymmetric matrix", J. ACM 5 (1958),
    339-342.

    Examples
    --------
    >>> from isokern.orthogonal import reflect
    >>> reflect([0.0, 3.0], [2.0, 1.0])
    array([ 2., -1.])
    """
    name = "reflect"
    x, v = take_alike(name, x=x, v=v)
    factor = take_tau(name, tau, x)
    shapes = {"v": rows(name, "v", v), "x": rows(name, "x", x)}
    if factor is not None:
        shapes["tau"] = factor.shape
    target = _output(name, out, broadcast_batch(name, **shapes), length(name, x, v=v), x)
    _core.reflect(v, factor, x, core_errors(name, errors, fresh=out is None), target)
    return target if out is None else out

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the definitions of the orthogonal maps share: intake, unit vectors, mirrors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.longdouble]
Array = NDArray[Any]
Errors = Literal["raise", "nan"]
Like = Any  # an array_like; no narrower, since the definitions give their arguments new values
_NAN = np.longdouble("nan")
_NOTHING = 4 * np.finfo(np.float64).eps  # float64 multiples of a vector, rounded, are parallel


def inputs(function: str, **arguments: Like) -> tuple[Any, ...]:
    """Return the common dtype, and the arguments in extended precision.

    Last axes must agree (`tau` has one of length 1), and a cotangent must have the shape of the
    result.
    """
    dtype, arrays = alike(function, **arguments)
    lengths = [a.shape[-1] for n, a in arrays.items() if n not in ("tau", "cotangent") and a.ndim]
    length = lengths[-1] if lengths else "d"
    for name, array in arrays.items():
        if name != "tau" and array.shape[-1:] != (length,):
            raise ValueError(
                f"{function}: {name} has shape {array.shape}, expected (..., {length})"
            )
    shapes = {name: array.shape for name, array in arrays.items() if name != "cotangent"}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"{function}: the shapes {shapes} do not broadcast") from None
    if "cotangent" in arrays and arrays["cotangent"].shape != shape:
        given = arrays["cotangent"].shape
        raise ValueError(f"{function}: cotangent has shape {given}, expected {shape}")
    return dtype, *(array.astype(np.longdouble) for array in arrays.values())


def alike(function: str, **arguments: Like) -> tuple[np.dtype[Any], dict[str, Array]]:
    """Return the common dtype, float32 or float64, and the arguments as arrays of it.

    Integers are float64.
    """
    arrays = {name: np.asarray(value) for name, value in arguments.items()}
    for name, array in arrays.items():
        if array.dtype.kind in "iu":
            arrays[name] = array.astype(np.float64)
    dtype = next(iter(arrays.values())).dtype
    for name, array in arrays.items():
        if array.dtype not in (np.float32, np.float64):
            raise TypeError(f"{function}: {name} has dtype {array.dtype}, expected float32 or 64")
        if array.dtype != dtype:
            raise TypeError(f"{function}: {name} has dtype {array.dtype}, expected {dtype}")
    return dtype, arrays


def matrix_inputs(function: str, a: Like, b: Like, errors: Errors) -> tuple[Array, Array, Array]:
    """Return a and b as (..., 1, d) and the unit vectors (d, d) against which they broadcast."""
    dtype, a, b = directions(function, a, b, errors)
    return a[..., None, :], b[..., None, :], np.eye(a.shape[-1], dtype=dtype)


def directions(function: str, a: Like, b: Like, errors: Errors) -> tuple[Any, Array, Array]:
    """Report a bad a or b by its own name and index."""
    dtype, a, b = inputs(function, a=a, b=b)
    unit(function, "a", a, errors)
    unit(function, "b", b, errors)
    return dtype, a.astype(dtype), b.astype(dtype)


def column(tau: Like) -> Array:
    """Give a factor per vector the trailing axis that lets it broadcast against vectors."""
    return np.asarray(tau)[..., None]


def finite(function: str, name: str, value: Wide, errors: Errors) -> Wide:
    """Replace batch entries that are not finite by NaN, or raise."""
    return _reject(function, name, value, ~np.isfinite(value), "not finite", errors)


def unit(function: str, name: str, v: Wide, errors: Errors) -> tuple[Wide, Wide]:
    """Return v/|v| and |v|; zero and non-finite vectors become NaN, or raise.

    The largest component is taken out before squaring, so that nothing overflows or vanishes.
    """
    largest = np.max(np.abs(v), axis=-1, keepdims=True, initial=0)
    bad = ~((largest > 0) & (largest < np.inf))
    v = _reject(function, name, v, bad, "zero or not finite", errors)
    scaled = v / largest
    length = np.sqrt(dot(scaled, scaled))
    return scaled / length, length * largest


def dot(v: Wide, w: Wide) -> Wide:
    """Inner products along the last axis, which is kept with length 1."""
    total: Wide = np.sum(v * w, axis=-1, keepdims=True)
    return total


def householder(v: Wide, x: Wide) -> Wide:
    """Reflect: ``x - 2 v (v.x) / |v|^2``."""
    return x - v * (2 * dot(v, x) / dot(v, v))


def householder_vjp(v: Wide, x: Wide, g: Wide) -> Wide:
    """Gradient of ``<g, householder(v, x)>`` in v."""
    tau = 2 / dot(v, v)
    p, q = dot(v, x), dot(v, g)
    return -tau * (p * g + q * x) + tau * tau * p * q * v


def mirror(
    function: str, a: Wide, b: Wide, sign: int, errors: Errors
) -> tuple[Wide, NDArray[np.bool_]]:
    """Return ``v = a + sign b``, accurate however small it is, and where it vanishes.

    The unit vectors' sum and difference are orthogonal; the smaller of the two, made of rounding
    errors, is made orthogonal to the other. Where it vanishes, v is the unit vector e_k made
    orthogonal to a, k the first index of the smallest ``|a_k|``.
    """
    v, other = a + sign * b, a - sign * b
    small = dot(v, v) < dot(other, other)
    for _ in range(2):
        v = np.where(small, v - other * (dot(v, other) / dot(other, other)), v)
    vanishes = dot(v, v) <= _NOTHING**2
    if a.shape[-1] == 1:  # nothing is orthogonal to a
        what = f"{'-a' if sign > 0 else 'a'} for d = 1, where no such map exists"
        return _reject(function, "b", v, vanishes, what, errors), vanishes
    if vanishes.any():
        k = np.argmin(np.abs(a), axis=-1, keepdims=True)
        h = (np.arange(a.shape[-1]) == k).astype(np.longdouble)
        for _ in range(2):
            h = h - a * dot(a, h)
        v = np.where(vanishes, h, v)
    return v, vanishes


def sum_to(value: Wide, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Sum over the axes along which an argument of this shape was broadcast, and round."""
    value = value.sum(axis=tuple(range(value.ndim - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and value.shape[i] != 1)
    total: Wide = value.sum(axis=stretched, keepdims=True)
    return total.astype(dtype)


def first(bad: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first true entry."""
    return tuple(int(i) for i in np.argwhere(bad)[0])


def _reject(
    function: str, name: str, value: Wide, bad: NDArray[np.bool_], what: str, errors: Errors
) -> Wide:
    """Raise for the first bad batch entry, or make all of them NaN."""
    if errors not in ("raise", "nan"):
        raise ValueError(f"{function}: errors is {errors!r}, expected 'raise' or 'nan'")
    if errors == "raise" and bad.any():
        raise ValueError(f"{function}: {name} is {what}, batch index {first(bad[..., 0])}")
    return np.where(bad, _NAN, value)

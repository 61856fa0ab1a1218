# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Products of reflectors, ``Q = H_1 H_2 ... H_k`` with ``H_i = I - tau_i v_i v_i^T``.

One reflector acts after the other; only `compact_wy` knows that the product is ``I - V T V^T``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isokern.reference._tools import Array, Errors, Like, Wide, alike, first

Side = Literal["left", "right"]
Storage = Literal["dense", "lapack"]


@np.errstate(all="ignore")
def apply_reflectors(
    v: Like,
    x: Like,
    *,
    tau: Like | None = None,
    side: Side = "left",
    transpose: bool = False,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Array:
    """Apply ``Q = H_1 H_2 ... H_k``: ``Q x`` or, from the right, ``x Q``.

    Parameters
    ----------
    v : array_like, shape (..., m, k)
        Columns are the reflectors; k may exceed m.
    x : array_like, shape (..., m, n), or (..., n, m) for the right side
    tau : array_like, shape (..., k), optional
        Default ``2 / |v_i|^2``, which makes the map orthogonal.
    side : {"left", "right"}
    transpose : bool
        Apply ``Q^T = H_k ... H_2 H_1`` instead.
    storage : {"dense", "lapack"}
        With "lapack" ``v_ii = 1`` and ``v_ji = 0`` for j < i, whatever the array has there; k <= m.
    errors : {"raise", "nan"}
        For a non-finite v or tau, and a zero v_i without tau: ValueError, or NaN in that item.

    Returns
    -------
    ndarray, of the shape of x with the batch axes of all arguments
    """
    name = "apply_reflectors"
    dtype, given = take(name, v=v, x=x, tau=tau)
    v, tau, _ = reflectors(name, given, storage, errors)
    x = columns(name, "x", given["x"], v, side)
    batch = batch_of(name, v=v.shape[:-2], tau=tau.shape[:-1], x=x.shape[:-2])
    y = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    for i in order(v, side, transpose):
        y = reflect_columns(v[..., i, None], tau[..., i, None, None], y)
    return turned(y, side).astype(dtype)


@np.errstate(all="ignore")
def form_q(
    v: Like,
    *,
    tau: Like | None = None,
    thin: bool = True,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Array:
    """Return Q, shape (..., m, m), or with `thin` its first min(m, k) columns."""
    name = "form_q"
    dtype, given = take(name, v=v, tau=tau)
    v, tau, _ = reflectors(name, given, storage, errors)
    batch = batch_of(name, v=v.shape[:-2], tau=tau.shape[:-1])
    unit = identity(v, thin)
    q = np.broadcast_to(unit, (*batch, *unit.shape))
    for i in order(v, "left", False):
        q = reflect_columns(v[..., i, None], tau[..., i, None, None], q)
    return q.astype(dtype)


@np.errstate(all="ignore")
def compact_wy(
    v: Like,
    *,
    tau: Like | None = None,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Array:
    """Return the upper triangular T of ``Q = I - V T V^T``, shape (..., k, k).

    ``(I - V T V^T)(I - tau v v^T)`` has one column more: ``-tau T (V^T v)`` above ``tau``
    (Schreiber and Van Loan 1989).
    """
    name = "compact_wy"
    dtype, given = take(name, v=v, tau=tau)
    v, tau, bad = reflectors(name, given, storage, errors)
    batch = batch_of(name, v=v.shape[:-2], tau=tau.shape[:-1])
    t = np.zeros((*batch, v.shape[-1], v.shape[-1]), np.longdouble)
    for i in range(v.shape[-1]):
        products = transposed(v[..., :i]) @ v[..., i, None]
        t[..., :i, i] = -tau[..., i, None] * (t[..., :i, :i] @ products)[..., 0]
        t[..., i, i] = tau[..., i]
    return np.where(bad[..., None, None], np.longdouble("nan"), t).astype(dtype)


def take(function: str, **arguments: Like | None) -> tuple[np.dtype[Any], dict[str, Wide]]:
    """Return the common dtype, and those arguments that are given in extended precision."""
    dtype, arrays = alike(function, **{n: a for n, a in arguments.items() if a is not None})
    for name, array in arrays.items():
        if array.ndim < (1 if name.startswith("tau") else 2):
            raise ValueError(f"{function}: {name} has shape {array.shape}, expected more axes")
    return dtype, {name: array.astype(np.longdouble) for name, array in arrays.items()}


def reflectors(
    function: str, given: dict[str, Wide], storage: Storage, errors: Errors
) -> tuple[Wide, Wide, NDArray[np.bool_]]:
    """Return V and tau with all that is implied in them, and which items are bad (all NaN)."""
    if storage not in ("dense", "lapack"):
        raise ValueError(f"{function}: storage is {storage!r}, expected 'dense' or 'lapack'")
    if errors not in ("raise", "nan"):
        raise ValueError(f"{function}: errors is {errors!r}, expected 'raise' or 'nan'")
    v, tau = given["v"], given.get("tau")
    m, k = v.shape[-2:]
    if storage == "lapack":
        if k > m:
            raise ValueError(
                f"{function}: v has shape {v.shape}, expected at most {m} columns in lapack storage"
            )
        v = np.tril(v, -1) + np.eye(m, k)
    bad = ~np.all(np.isfinite(v), axis=(-2, -1))
    if tau is None:
        bad |= np.any(np.all(v == 0, axis=-2), axis=-1)
        tau = 2 / np.sum(v * v, axis=-2)
        what = "is not finite or has a zero column"
    else:
        if tau.shape[-1] != k:
            raise ValueError(f"{function}: tau has shape {tau.shape}, expected (..., {k})")
        bad_tau = ~np.all(np.isfinite(tau), axis=-1)
        if errors == "raise" and bad_tau.any():
            raise ValueError(f"{function}: tau is not finite, batch index {first(bad_tau)}")
        tau = np.where(bad_tau[..., None], np.longdouble("nan"), tau)
        what = "is not finite"
    if errors == "raise" and bad.any():
        raise ValueError(f"{function}: v {what}, batch index {first(bad)}")
    v = np.where(bad[..., None, None], np.longdouble("nan"), v)
    bad_tau = np.any(np.isnan(tau), axis=-1)
    batch_of(function, v=bad.shape, tau=bad_tau.shape)
    return v, tau, bad | bad_tau


def columns(function: str, name: str, x: Wide, v: Wide, side: Side) -> Wide:
    """Return x, or what has its shape, with the axis on which Q acts before the last."""
    if side not in ("left", "right"):
        raise ValueError(f"{function}: side is {side!r}, expected 'left' or 'right'")
    m = v.shape[-2]
    if x.shape[-2 if side == "left" else -1] != m:
        want = f"(..., {m}, n)" if side == "left" else f"(..., n, {m})"
        raise ValueError(f"{function}: {name} has shape {x.shape}, expected {want}")
    return turned(x, side)


def turned(x: Wide, side: Side) -> Wide:
    """Return x as it is for the left side, transposed for the right: ``x Q = (Q^T x^T)^T``."""
    return x if side == "left" else transposed(x)


def transposed(x: Wide) -> Wide:
    """Swap the last two axes."""
    return np.swapaxes(x, -1, -2)


def order(v: Wide, side: Side, transpose: bool) -> Iterator[int]:
    """Return the reflectors in the order in which they act on columns."""
    k = v.shape[-1]
    first_to_last = transpose != (side == "right")
    return iter(range(k)) if first_to_last else reversed(range(k))


def reflect_columns(v: Wide, tau: Wide, x: Wide) -> Wide:
    """Apply ``I - tau v v^T``, v of shape (..., m, 1), to the columns of x.

    Each column is summed on its own, so that NaN stays in it.
    """
    y: Wide = x - v * (tau * np.sum(v * x, axis=-2, keepdims=True))
    return y


def identity(v: Wide, thin: bool) -> Wide:
    """Return the columns of the identity to which Q is applied."""
    m, k = v.shape[-2:]
    return np.eye(m, min(m, k) if thin else m, dtype=np.longdouble)


def batch_of(function: str, **shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the batch axes that the arguments have together."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"{function}: the batch axes {shapes} do not broadcast") from None

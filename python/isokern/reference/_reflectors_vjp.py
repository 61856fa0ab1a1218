# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives of products of reflectors, one reflector after the other.

With ``y = x - tau v (v.x)`` the gradients of ``<g, y>`` are ``x_bar = g - tau v (v.g)``,
``v_bar = -tau ((v.x) g + (v.g) x)`` and ``tau_bar = -(v.x) (v.g)``, and the tangent is ``y_dot =
x_dot - tau_dot v (v.x) - tau v_dot (v.x) - tau v (v_dot.x + v.x_dot)``. The default ``tau = 2 /
|v|^2`` is no constant: ``d tau = -tau^2 (v.dv)``. What each reflector was applied to is kept from
the way forward, since a reflector with ``tau |v|^2 = 1`` can't be undone.
"""

from __future__ import annotations

import numpy as np

from isokern.reference._reflectors import (
    Side,
    Storage,
    batch_of,
    columns,
    identity,
    order,
    reflect_columns,
    reflectors,
    take,
    transposed,
    turned,
)
from isokern.reference._tools import Array, Errors, Like, Wide, sum_to


@np.errstate(all="ignore")
def apply_reflectors_vjp(
    cotangent: Like,
    v: Like,
    x: Like,
    *,
    tau: Like | None = None,
    side: Side = "left",
    transpose: bool = False,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> tuple[Array, ...]:
    """Gradients of ``<cotangent, apply_reflectors(v, x, tau=tau, ...)>``.

    Returns
    -------
    (v_bar, x_bar), or (v_bar, x_bar, tau_bar) where tau is given
        In the shapes of the arguments; of v in lapack storage only what is stored has a gradient.
    """
    name = "apply_reflectors_vjp"
    dtype, given = take(name, cotangent=cotangent, v=v, x=x, tau=tau)
    full, scale, _ = reflectors(name, given, storage, errors)
    x = columns(name, "x", given["x"], full, side)
    batch = batch_of(name, v=full.shape[:-2], tau=scale.shape[:-1], x=x.shape[:-2])
    _check_shape(name, "cotangent", given["cotangent"], (*batch, *given["x"].shape[-2:]))
    g = turned(given["cotangent"], side)
    v_bar, x_bar, tau_bar = _sweep_back(g, full, scale, x, list(order(full, side, transpose)))
    results = [
        sum_to(_stored(v_bar, full, scale, tau_bar, tau is None, storage), full.shape, dtype),
        sum_to(turned(x_bar, side), given["x"].shape, dtype),
    ]
    if tau is not None:
        results.append(sum_to(tau_bar, scale.shape, dtype))
    return tuple(results)


@np.errstate(all="ignore")
def apply_reflectors_jvp(
    v: Like,
    x: Like,
    v_dot: Like | None = None,
    x_dot: Like | None = None,
    *,
    tau: Like | None = None,
    tau_dot: Like | None = None,
    side: Side = "left",
    transpose: bool = False,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> tuple[Array, Array]:
    """Value of `apply_reflectors` and its derivative along (v_dot, x_dot, tau_dot).

    Tangents have the shapes of their arguments; None is zero.

    Returns
    -------
    y, y_dot : ndarray
    """
    name = "apply_reflectors_jvp"
    dtype, given = take(name, v=v, x=x, v_dot=v_dot, x_dot=x_dot, tau=tau, tau_dot=tau_dot)
    if tau is None and tau_dot is not None:
        raise ValueError(f"{name}: tau_dot is given without tau")
    for argument in ("v", "x", "tau"):
        if f"{argument}_dot" in given:
            _check_shape(name, f"{argument}_dot", given[f"{argument}_dot"], given[argument].shape)
    full, scale, _ = reflectors(name, given, storage, errors)
    x = columns(name, "x", given["x"], full, side)
    batch = batch_of(name, v=full.shape[:-2], tau=scale.shape[:-1], x=x.shape[:-2])
    v_dot = given.get("v_dot", np.zeros_like(full))
    if storage == "lapack":
        v_dot = np.tril(v_dot, -1)
    tau_dot = given.get("tau_dot", np.zeros_like(scale))
    if tau is None:
        tau_dot = -(scale**2) * np.sum(full * v_dot, axis=-2)
    y = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    y_dot = np.broadcast_to(turned(given.get("x_dot", np.zeros_like(given["x"])), side), y.shape)
    for i in order(full, side, transpose):
        w, w_dot = full[..., i, None], v_dot[..., i, None]
        t, t_dot = scale[..., i, None, None], tau_dot[..., i, None, None]
        along, along_dot = _dot(w, y), _dot(w_dot, y) + _dot(w, y_dot)
        y_dot = y_dot - t_dot * w * along - t * w_dot * along - t * w * along_dot
        y = y - t * w * along
    return turned(y, side).astype(dtype), turned(y_dot, side).astype(dtype)


@np.errstate(all="ignore")
def form_q_vjp(
    cotangent: Like,
    v: Like,
    *,
    tau: Like | None = None,
    thin: bool = True,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Array | tuple[Array, Array]:
    """Gradient of ``<cotangent, form_q(v, tau=tau, ...)>``: v_bar, or (v_bar, tau_bar)."""
    name = "form_q_vjp"
    dtype, given = take(name, cotangent=cotangent, v=v, tau=tau)
    full, scale, _ = reflectors(name, given, storage, errors)
    batch = batch_of(name, v=full.shape[:-2], tau=scale.shape[:-1])
    unit = identity(full, thin)
    _check_shape(name, "cotangent", given["cotangent"], (*batch, *unit.shape))
    steps = list(order(full, "left", False))
    v_bar, _, tau_bar = _sweep_back(given["cotangent"], full, scale, unit, steps)
    v_bar = _stored(v_bar, full, scale, tau_bar, tau is None, storage)
    gradient = sum_to(v_bar, full.shape, dtype)
    return gradient if tau is None else (gradient, sum_to(tau_bar, scale.shape, dtype))


@np.errstate(all="ignore")
def compact_wy_vjp(
    cotangent: Like,
    v: Like,
    *,
    tau: Like | None = None,
    storage: Storage = "dense",
    errors: Errors = "raise",
) -> Array | tuple[Array, Array]:
    """Gradient of ``<cotangent, compact_wy(v, tau=tau, ...)>``: v_bar, or (v_bar, tau_bar).

    The recursion ``t_i = -tau_i T (V^T v_i)`` in reverse. What the cotangent has below the diagonal
    does not count.
    """
    name = "compact_wy_vjp"
    dtype, given = take(name, cotangent=cotangent, v=v, tau=tau)
    full, scale, bad = reflectors(name, given, storage, errors)
    k = full.shape[-1]
    batch = batch_of(name, v=full.shape[:-2], tau=scale.shape[:-1])
    _check_shape(name, "cotangent", given["cotangent"], (*batch, k, k))
    t = np.zeros((*batch, k, k), np.longdouble)
    for i in range(k):
        t[..., :i, i] = _matvec(-scale[..., i, None, None] * t[..., :i, :i], _products(full, i))
        t[..., i, i] = scale[..., i]
    g = np.triu(given["cotangent"])
    v_bar = np.zeros((*batch, *full.shape[-2:]), np.longdouble)
    tau_bar = np.zeros((*batch, k), np.longdouble)
    for i in reversed(range(k)):
        before, column, factor = t[..., :i, :i], g[..., :i, i], scale[..., i, None]
        products = _products(full, i)
        tau_bar[..., i] += g[..., i, i] - np.sum(column * _matvec(before, products), axis=-1)
        image_bar = -factor * column  # of T (V^T v_i)
        g[..., :i, :i] += image_bar[..., :, None] * products[..., None, :]
        products_bar = _matvec(transposed(before), image_bar)
        v_bar[..., i] += _matvec(full[..., :i], products_bar)
        v_bar[..., :i] += full[..., i, None] * products_bar[..., None, :]
    v_bar = np.where(bad[..., None, None], np.longdouble("nan"), v_bar)
    tau_bar = np.where(bad[..., None], np.longdouble("nan"), tau_bar)
    v_bar = _stored(v_bar, full, scale, tau_bar, tau is None, storage)
    gradient = sum_to(v_bar, full.shape, dtype)
    return gradient if tau is None else (gradient, sum_to(tau_bar, scale.shape, dtype))


def _sweep_back(g: Wide, v: Wide, tau: Wide, x: Wide, steps: list[int]) -> tuple[Wide, Wide, Wide]:
    """Return v_bar, x_bar and tau_bar of reflectors that act on columns in the order of `steps`."""
    inputs = [np.broadcast_to(x, g.shape)]
    for i in steps:
        inputs.append(reflect_columns(v[..., i, None], tau[..., i, None, None], inputs[-1]))
    v_bar = np.zeros((*g.shape[:-2], *v.shape[-2:]), np.longdouble)
    tau_bar = np.zeros((*g.shape[:-2], v.shape[-1]), np.longdouble)
    for i, value in zip(reversed(steps), reversed(inputs[:-1]), strict=True):
        w, t = v[..., i, None], tau[..., i, None, None]
        along, back = _dot(w, value), _dot(w, g)
        v_bar[..., i] = -np.sum(t * (along * g + back * value), axis=-1)
        tau_bar[..., i] = -np.sum(along * back, axis=(-2, -1))
        g = reflect_columns(w, t, g)
    return v_bar, g, tau_bar


def _stored(
    v_bar: Wide, v: Wide, tau: Wide, tau_bar: Wide, default: bool, storage: Storage
) -> Wide:
    """Let v answer for a default tau, and drop the gradient of what is implied."""
    if default:
        v_bar = v_bar - v * (tau**2 * tau_bar)[..., None, :]
    stored: Wide = np.tril(v_bar, -1) if storage == "lapack" else v_bar
    return stored


def _dot(v: Wide, x: Wide) -> Wide:
    """Products of one vector (..., m, 1) with the columns of x, which stay apart."""
    total: Wide = np.sum(v * x, axis=-2, keepdims=True)
    return total


def _products(v: Wide, i: int) -> Wide:
    """Products of column i with the columns before it."""
    total: Wide = np.sum(v[..., :i] * v[..., i, None], axis=-2)
    return total


def _matvec(matrix: Wide, vector: Wide) -> Wide:
    total: Wide = np.sum(matrix * vector[..., None, :], axis=-1)
    return total


def _check_shape(function: str, name: str, value: Wide, shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise ValueError(f"{function}: {name} has shape {value.shape}, expected {shape}")

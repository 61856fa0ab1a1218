# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Factorisation ``X = Q R`` by reflectors, with the signs of LAPACK.

The reflector of a vector x takes it to ``beta e_1``, ``beta = -sign(x_1) |x|``: it is ``I - tau v
v^T`` with ``v = x - beta e_1`` scaled to ``v_1 = 1`` and ``tau = (beta - x_1) / beta``. Where all
behind x_1 is zero, the reflector is the identity and ``beta = x_1``.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isokern.reference._reflectors import reflect_columns, take
from isokern.reference._tools import Array, Like, Wide

Mode = Literal["reduced", "complete", "r", "factored"]
_MODES = ("reduced", "complete", "r", "factored")
_NAN = np.longdouble("nan")


@np.errstate(all="ignore")
def qr(x: Like, *, mode: Mode = "reduced") -> Any:
    """Factorise matrices.

    Parameters
    ----------
    x : array_like, shape (..., m, n)
        An item with NaN or infinity has NaN for results. Below p = min(m, n).
    mode : {"reduced", "complete", "r", "factored"}

    Returns
    -------
    q, r : ndarray, shapes (..., m, p) and (..., p, n), "reduced"
    q, r : ndarray, shapes (..., m, m) and (..., m, n), "complete"
    r : ndarray, shape (..., p, n), "r"
    v, tau, r : ndarray, shapes (..., m, p), (..., p) and (..., p, n), "factored"
        The reflectors of q; ones on the diagonal of v and zeros above.
    """
    name = "qr"
    _check_mode(name, mode)
    dtype, given = take(name, x=x)
    x = given["x"]
    m, n = x.shape[-2:]
    p = min(m, n)
    v, tau, r = _factor(x)
    bad = ~np.all(np.isfinite(x), axis=(-2, -1))
    if mode == "factored":
        results = [v, tau, r[..., :p, :]]
    elif mode == "r":
        results = [r[..., :p, :]]
    else:
        q = np.broadcast_to(np.eye(m, dtype=np.longdouble), (*x.shape[:-2], m, m))
        q = q if mode == "complete" else q[..., :p]
        for j in reversed(range(p)):
            q = reflect_columns(v[..., j, None], tau[..., j, None, None], q)
        results = [q, r if mode == "complete" else r[..., :p, :]]
    rounded = tuple(_spoil(value, bad).astype(dtype) for value in results)
    return rounded[0] if mode == "r" else rounded


@np.errstate(all="ignore")
def qr_vjp(cotangents: Any, x: Like, *, mode: Mode = "reduced") -> Array:
    """Gradient of ``<q_bar, q> + <r_bar, r>`` in x, for x of full rank.

    Where m < n it is the first m columns that must have full rank. All steps of `qr` are undone one
    after the other. The reflectors here are those of ``w = x + sign(x_1) |x| e_1`` throughout,
    also where `qr` has the identity, which only changes the sign of a column of Q and of a row of
    R: close to such an x the signs of `qr` jump, and this is the gradient on the side of x.

    Parameters
    ----------
    cotangents : tuple of array_like or None, or array_like
        What belongs to the result of `qr`: (q_bar, r_bar), or r_bar for mode "r". None is zero.
    x : array_like, shape (..., m, n)
    mode : {"reduced", "complete", "r"}
        "complete" only where m <= n: further columns of q are not determined by x.

    Returns
    -------
    x_bar : ndarray, shape (..., m, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        R has a zero on its diagonal.
    """
    name = "qr_vjp"
    _check_mode(name, mode)
    if mode == "factored":
        raise ValueError(f"{name}: mode is 'factored', which has no gradient: use mode 'reduced'")
    q_bar, r_bar = _cotangents(name, cotangents, mode)
    dtype, given = take(name, x=x, q_bar=q_bar, r_bar=r_bar)
    x = given["x"]
    m, n = x.shape[-2:]
    p = min(m, n)
    if mode == "complete" and m > n:
        raise ValueError(f"{name}: x has shape {x.shape}, expected m <= n for mode 'complete'")
    g_q = _given(name, given, "q_bar", (*x.shape[:-2], m, p))
    g_r = _given(name, given, "r_bar", (*x.shape[:-2], p, n))

    a = [x]
    vectors, lengths, signs = [], [], []
    for j in range(p):
        head, tail = a[-1][..., j, j, None], a[-1][..., j:, j]
        side = np.copysign(np.longdouble(1), head)
        length = np.sqrt(np.sum(tail**2, axis=-1, keepdims=True))
        if np.any(length == 0):
            raise np.linalg.LinAlgError(f"{name}: no gradient where R is singular")
        w = np.zeros(x.shape[:-1], np.longdouble)
        w[..., j:] = tail
        w[..., j, None] += side * length
        vectors.append(w[..., None])
        lengths.append((side, length))
        still = np.all(a[-1][..., j + 1 :, j] == 0, axis=-1)  # where qr keeps the column
        signs.append(np.where(still, -1, 1))
        a.append(_mirror(vectors[j], a[-1]))
        a[-1][..., j + 1 :, j] = 0  # exactly, so that the next steps see what qr sees
    flips = np.stack(signs, axis=-1) if p else np.ones((*x.shape[:-2], 0))
    q = [np.broadcast_to(np.eye(m, p, dtype=np.longdouble), (*x.shape[:-2], m, p))]
    for j in reversed(range(p)):
        q.append(_mirror(vectors[j], q[-1]))

    g = g_q * flips[..., None, :]
    w_bars = []
    for j in range(p):  # q = H_0 ... H_(p-1) e
        w_bars.append(_mirror_vjp(vectors[j], q[p - 1 - j], g))
        g = _mirror(vectors[j], g)
    g = np.zeros_like(x)
    g[..., :p, :] = np.triu(g_r) * flips[..., :, None]
    for j in reversed(range(p)):  # r = H_(p-1) ... H_0 x
        w_bar = (w_bars[j] + _mirror_vjp(vectors[j], a[j], g))[..., j:, 0]
        g = _mirror(vectors[j], g)
        side, length = lengths[j]
        g[..., j:, j] += w_bar + w_bar[..., :1] * side * a[j][..., j:, j] / length
    return _spoil(g, ~np.all(np.isfinite(x), axis=(-2, -1))).astype(dtype)


def house(x: Wide) -> tuple[Wide, Wide, Wide]:
    """Return v (..., d), tau (...) and beta (...) of the reflector that takes x to beta e_1."""
    alpha, tail = x[..., 0], x[..., 1:]
    moves = np.any(tail != 0, axis=-1)
    beta = np.where(moves, -np.copysign(np.sqrt(np.sum(x**2, axis=-1)), alpha), alpha)
    tau = np.where(moves, (beta - alpha) / beta, 0)
    v = np.ones_like(x)
    v[..., 1:] = np.where(moves[..., None], tail / (alpha - beta)[..., None], 0)
    return v, tau, beta


def _factor(x: Wide) -> tuple[Wide, Wide, Wide]:
    """Return v (..., m, p), tau (..., p) and r (..., m, n)."""
    p = min(x.shape[-2:])
    v = np.zeros((*x.shape[:-1], p), np.longdouble)
    tau = np.zeros((*x.shape[:-2], p), np.longdouble)
    r = x
    for j in range(p):
        v[..., j:, j], tau[..., j], beta = house(r[..., j:, j])
        r = reflect_columns(v[..., j, None], tau[..., j, None, None], r)
        r[..., j, j] = beta
        r[..., j + 1 :, j] = 0
    return v, tau, r


def _mirror(w: Wide, x: Wide) -> Wide:
    """Reflect the columns of x along w, of shape (..., m, 1)."""
    return reflect_columns(w, 2 / np.sum(w * w, axis=-2, keepdims=True), x)


def _mirror_vjp(w: Wide, x: Wide, g: Wide) -> Wide:
    """Gradient of ``<g, _mirror(w, x)>`` in w."""
    tau = 2 / np.sum(w * w, axis=-2, keepdims=True)
    p, q = (np.sum(w * value, axis=-2, keepdims=True) for value in (x, g))
    each = -tau * (p * g + q * x) + tau * tau * p * q * w
    total: Wide = np.sum(each, axis=-1, keepdims=True)
    return total


def _check_mode(function: str, mode: str) -> None:
    if mode not in _MODES:
        raise ValueError(f"{function}: mode is {mode!r}, expected one of {', '.join(_MODES)}")


def _cotangents(function: str, cotangents: Any, mode: str) -> tuple[Any, Any]:
    """Return q_bar and r_bar."""
    if mode == "r":
        return None, cotangents
    if not isinstance(cotangents, (tuple, list)) or len(cotangents) != 2:
        raise ValueError(f"{function}: cotangents is no pair, expected (q_bar, r_bar)")
    return cotangents[0], cotangents[1]


def _given(function: str, given: dict[str, Wide], name: str, shape: tuple[int, ...]) -> Wide:
    """Return a cotangent, which is zero where none is given."""
    value = given.get(name)
    if value is None:
        return np.zeros(shape, np.longdouble)
    if value.shape != shape:
        raise ValueError(f"{function}: {name} has shape {value.shape}, expected {shape}")
    return value


def _spoil(value: Wide, bad: NDArray[np.bool_]) -> Wide:
    """Make bad items NaN."""
    return np.where(bad.reshape(bad.shape + (1,) * (value.ndim - bad.ndim)), _NAN, value)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of the squared Wasserstein distance, in the given form of the covariances.

In factors they are 2 (F1 - F2 Q) and 2 (F2 - F1 Q^T), with the polar factor Q of F1^T F2. Between
nearly equal covariances these differences come from the difference of what is given, as the
distance does (see `_gaussian_near.turned`).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from isokern import _gaussian_diag as diag
from isokern import _gaussian_near as near
from isokern._arrays import Array
from isokern._gaussian_dense_vjp import symmetric
from isokern._gaussian_forms import (
    Pair,
    solve,
    swap,
    to_cov,
    to_tril,
)
from isokern._gaussian_triangles import solve_transposed

_CLOSE = 1e-2  # of the squared distance, relative to the traces
Gradients = tuple[Array, Array, Array, Array]


def wasserstein2_squared(pair: Pair) -> Gradients:
    """Of the square."""
    if pair.form == "diag":
        return diag.bures_gradients(pair)
    delta = 2 * (pair.mean1 - pair.mean2)
    if pair.form in ("tril", "factor"):
        first, second = _of_factors(pair)
    else:
        first, second = _of_covariances(pair)
    return delta, first, -delta, second


def _of_factors(pair: Pair) -> tuple[Array, Array]:
    if pair.form == "tril":
        pair = pair.with_covs("tril", np.tril(pair.cov1), np.tril(pair.cov2))
    first, second = plain(pair.cov1, pair.cov2)
    close = _close(pair.cov1, pair.cov2, first)
    if np.any(close):
        some = _items(pair, close)
        t = near.turned(some)
        if t.basis is None:
            one = 2 * (t.residual @ swap(t.turn))[..., : pair.cov1.shape[-1]]
            other = -2 * (t.residual + t.residual @ swap(t.k))[..., : pair.cov2.shape[-1]]
        else:
            one = 2 * t.residual @ t.turn @ solve(t.basis, some.cov1)
            other = -2 * (t.residual + t.residual @ swap(t.k)) @ solve(t.basis, some.cov2)
        _put(first, close, one)
        _put(second, close, other)
    if pair.form == "tril":
        return np.tril(first), np.tril(second)
    return first, second


def _of_covariances(pair: Pair) -> tuple[Array, Array]:
    lowers = [
        to_tril(pair.function, name, cov, pair.form, pair.errors)
        for name, cov in (("cov1", pair.cov1), ("cov2", pair.cov2))
    ]
    whole = plain(*lowers)
    first, second = (symmetric(_divided(g, lower) / 2)
                     for g, lower in zip(whole, lowers, strict=True))  # fmt: skip
    if pair.form == "cov":  # factors hide that the covariances are equal
        same = np.all(pair.cov1 == pair.cov2, axis=(-2, -1)) & np.isfinite(first[..., 0, 0])
        first, second = (np.where(same[..., None, None], 0.0, g) for g in (first, second))
    close = _close(lowers[0], lowers[1], whole[0])
    if np.any(close):
        one, other = _in_covariances(near.turned(_items(pair, close)))
        _put(first, close, one)
        _put(second, close, other)
    return _in_form(first, pair, "cov1"), _in_form(second, pair, "cov2")


def plain(f1: Array, f2: Array) -> tuple[Array, Array]:
    """2 (F1 - F2 Q) and 2 (F2 - F1 Q^T) for factors F (..., d, r) of any rank.

    Where F1^T F2 has not full rank, a subgradient: of the polar factors, that of least norm.
    """
    bad = ~(np.all(np.isfinite(f1), axis=(-2, -1)) & np.all(np.isfinite(f2), axis=(-2, -1)))
    with np.errstate(invalid="ignore"):
        m = np.where(bad[..., None, None], 0.0, swap(f1) @ f2)
    u, s, vt = np.linalg.svd(m, full_matrices=False)
    largest = np.max(s, axis=-1, keepdims=True, initial=0)
    keep = s > max(m.shape[-2:]) * np.finfo(float).eps * largest
    q = swap((u * keep[..., None, :]) @ vt)
    if f1.shape[-1] == f2.shape[-1]:
        same = np.all(f1 == f2, axis=(-2, -1))[..., None, None]
        q = np.where(same, np.eye(f1.shape[-1]), q)
    with np.errstate(invalid="ignore"):
        return 2 * (f1 - f2 @ q), 2 * (f2 - f1 @ swap(q))


def _close(f1: Array, f2: Array, gradient: Array) -> Array:
    square = np.sum(gradient * gradient, axis=(-2, -1)) / 4
    traces = np.sum(f1 * f1, axis=(-2, -1)) + np.sum(f2 * f2, axis=(-2, -1))
    return near.close_bures(square, traces, _CLOSE)


def _items(pair: Pair, close: Array) -> Pair:
    """Some of the covariances, without the means' batch."""
    return near.gathered(dataclasses.replace(
        pair, mean1=np.zeros(pair.d), mean2=np.zeros(pair.d), batch=close.shape
    ), close)  # fmt: skip


def _put(whole: Array, items: Array, found: Array) -> None:
    whole[items] = np.where(np.all(np.isfinite(found), axis=(-2, -1))[..., None, None], found,
                            whole[items])  # fmt: skip


def _divided(x: Array, lower: Array) -> Array:
    """X L^-1."""
    return swap(solve_transposed(lower, swap(x)))


def _in_covariances(t: near.Turned) -> tuple[Array, Array]:
    """G1 = R F1^-1 and G2 = -R Q^T F2^-1."""
    assert t.basis is not None
    one = _divided(t.residual @ t.turn, t.basis)
    other = _divided(t.residual + t.residual @ swap(t.k), t.basis)
    return symmetric(one), -symmetric(other)


def _in_form(g: Array, pair: Pair, name: str) -> Array:
    given = getattr(pair, name)
    if pair.form == "precision":
        s = to_cov(pair.function, name, given, "precision", pair.errors)
        return symmetric(-s @ g @ s)
    if pair.form == "lowrank":
        return np.concatenate([2 * g @ given[..., :-1], np.einsum("...ii->...i", g)[..., None]], -1)
    return g

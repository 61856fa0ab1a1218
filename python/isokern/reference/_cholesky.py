# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Textbook linear algebra in extended precision, which NumPy's own does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.longdouble]


def swap(x: Any) -> Any:
    """Transposed matrices."""
    return np.swapaxes(x, -1, -2)


def diagonal(x: Any) -> Any:
    """Diagonals of matrices."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def cholesky(s: Wide) -> Wide:
    """Lower factor of positive definite matrices; NaN for others."""
    lower = np.zeros_like(s)
    with np.errstate(invalid="ignore"):
        for j in range(s.shape[-1]):
            rest = s[..., j:, j] - (lower[..., j:, :j] @ lower[..., j, :j, None])[..., 0]
            length = np.sqrt(np.where(rest[..., :1] > 0, rest[..., :1], np.longdouble("nan")))
            lower[..., j:, j] = rest / length
    return lower


def cholesky_less_identity(x: Wide) -> Wide:
    """E with (I + E)(I + E)^T = I + x, at the relative accuracy of x."""
    e = np.zeros_like(x)
    for j in range(x.shape[-1]):
        rest = x[..., j:, j] - (e[..., j:, :j] @ e[..., j, :j, None])[..., 0]
        length = np.sqrt(1 + rest[..., :1])
        e[..., j, j] = (rest[..., :1] / (1 + length))[..., 0]
        e[..., j + 1 :, j] = rest[..., 1:] / length
    return e


def less_log(e: Wide) -> Wide:
    """Gap between e and ln(1 + e), by its series."""
    total = np.zeros_like(e)
    for n in range(24, 1, -1):
        total = 1 / np.longdouble(n) - e * total
    return e * e * total


def solve(lower: Wide, b: Wide) -> Wide:
    """L^-1 b."""
    batch = np.broadcast_shapes(lower.shape[:-2], b.shape[:-2])
    x = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    for i in range(lower.shape[-1]):
        x[..., i, :] -= (lower[..., i, None, :i] @ x[..., :i, :])[..., 0, :]
        x[..., i, :] /= lower[..., i, i, None]
    return x


def inverse(s: Wide) -> Any:
    """The inverse of positive definite matrices."""
    lower = cholesky(s)
    half = solve(lower, np.broadcast_to(np.eye(s.shape[-1], dtype=s.dtype), s.shape))
    return swap(half) @ half


def svd(m: Wide) -> tuple[Wide, Wide, Wide]:
    """Square u, singular values, and square v with m = u s v^T, by one-sided Jacobi rotations."""
    d = m.shape[-1]
    u, v = m.copy(), np.broadcast_to(np.eye(d, dtype=m.dtype), m.shape).copy()
    for _ in range(60):
        largest = 0.0
        for p in range(d):
            for q in range(p + 1, d):
                a, b, c = (
                    np.sum(u[..., i] * u[..., j], axis=-1) for i, j in ((p, p), (q, q), (p, q))
                )
                turn = np.abs(c) > 1e-19 * np.sqrt(a * b)
                zeta = np.where(turn, (b - a) / np.where(turn, 2 * c, 1), 0)
                side = np.where(zeta < 0, -1, 1)
                t = np.where(turn, side / (np.abs(zeta) + np.sqrt(1 + zeta * zeta)), 0)
                cosine = (1 / np.sqrt(1 + t * t))[..., None]
                sine = cosine * t[..., None]
                for x in (u, v):
                    x[..., p], x[..., q] = (
                        cosine * x[..., p] - sine * x[..., q],
                        sine * x[..., p] + cosine * x[..., q],
                    )
                largest = max(largest, float(np.max(np.abs(t), initial=0)))
        if largest == 0:
            break
    size = np.sqrt(np.sum(u * u, axis=-2))
    order = np.argsort(-size, axis=-1)
    size = np.take_along_axis(size, order, axis=-1)
    u, v = (np.take_along_axis(x, order[..., None, :], axis=-1) for x in (u, v))
    return _complete(u, size), size, v


def _complete(u: Wide, size: Wide) -> Wide:
    """Unit columns; where they vanish, any that are orthogonal to the others."""
    d = u.shape[-1]
    flat, lengths = u.reshape(-1, d, d).copy(), size.reshape(-1, d)
    for matrix, length in zip(flat, lengths, strict=True):
        for j in range(d):
            column = matrix[:, j]
            if length[j] <= 1e-18 * length[0]:
                done = matrix[:, :j]
                k = int(np.argmin(np.sum(done**2, axis=1)))
                column = (np.arange(d) == k).astype(u.dtype)
                for _ in range(2):
                    column = column - done @ (done.T @ column)
            matrix[:, j] = column / np.sqrt(np.sum(column**2))
    return flat.reshape(u.shape)


def factor(s: Wide) -> Wide:
    """F (..., d, d) with F F^T = s for positive semidefinite s, by pivoted elimination."""
    d = s.shape[-1]
    flat = s.reshape(-1, d, d).copy()
    result = np.zeros_like(flat)
    for rest, out in zip(flat, result, strict=True):
        tolerance = d * np.finfo(np.float64).eps * np.max(np.abs(rest), initial=0) / 8
        for j in range(d):
            k = int(np.argmax(np.diagonal(rest)))
            if rest[k, k] <= tolerance:
                break
            out[:, j] = rest[:, k] / np.sqrt(rest[k, k])
            rest -= out[:, j, None] * out[None, :, j]
    whole: Wide = result.reshape(s.shape)
    return whole


def covariance(value: Wide, form: str) -> Any:
    """S from one of its forms."""
    if form == "cov":
        return value
    if form == "tril":
        return np.tril(value) @ swap(np.tril(value))
    if form == "factor":
        return value @ swap(value)
    if form == "diag":
        return value[..., None] * np.eye(value.shape[-1], dtype=value.dtype)
    if form == "precision":
        return inverse(value)
    raise ValueError(f"form is {form!r}, expected cov, tril, factor, diag or precision")

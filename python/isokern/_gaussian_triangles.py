# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Factors of covariances, which are never squared."""

from __future__ import annotations

import math

import numpy as np

from isokern._arrays import Array
from isokern._gaussian_forms import solve, swap, triangular_of_factor


def outer(x: Array, y: Array) -> Array:
    """X y^T."""
    return x[..., :, None] * y[..., None, :]


def solve_transposed(lower: Array, b: Array) -> Array:
    """L^-T b, with the coordinates in the reversed order."""
    turned = np.ascontiguousarray(swap(lower)[..., ::-1, ::-1])
    return solve(turned, b[..., ::-1, :])[..., ::-1, :]


def pad_columns(f: Array, r: int) -> Array:
    """With zero columns up to r."""
    if f.shape[-1] == r:
        return f
    return np.concatenate([f, np.zeros((*f.shape[:-1], r - f.shape[-1]))], axis=-1)


def mixed_factor(f1: Array, f2: Array, alpha: float) -> Array:
    """The triangle of alpha S2 + (1 - alpha) S1, without squaring; NaN where there is none."""
    batch = np.broadcast_shapes(f1.shape[:-2], f2.shape[:-2])
    f1, f2 = (np.broadcast_to(f, (*batch, *f.shape[-2:])) for f in (f1, f2))
    if alpha <= 1:
        parts = [math.sqrt(alpha) * f2, math.sqrt(1 - alpha) * f1]
        return triangular_of_factor(np.concatenate(parts, axis=-1))
    lower = triangular_of_factor(f2)
    ratio = solve(lower, f1)
    good = np.all(np.isfinite(ratio), axis=(-2, -1))[..., None, None]
    u, s, _ = np.linalg.svd(np.where(good, ratio, 0.0))
    values = np.full((*batch, f1.shape[-2]), alpha)
    values[..., : s.shape[-1]] += (1 - alpha) * s * s
    values = np.where(good[..., 0] & np.all(values > 0, axis=-1, keepdims=True), values, np.nan)
    return triangular_of_factor(lower @ (u * np.sqrt(values)[..., None, :]))

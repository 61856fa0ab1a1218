# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What one covariance gives: its determinant, and lengths in its inverse."""

from __future__ import annotations

import numpy as np

from isokern import _gaussian_lowrank as lowrank
from isokern._arrays import Array
from isokern._gaussian_diag import variances
from isokern._gaussian_forms import diagonal, factorise, solve, to_tril


def half_log_det(
    function: str, name: str, cov: Array, form: str, errors: str = "raise_after"
) -> Array:
    """Ln det S / 2."""
    if form == "diag":
        half: Array = np.sum(np.log(variances(function, name, cov, errors)), axis=-1) / 2
        return half
    if form == "lowrank":
        return lowrank.checked(function, name, cov, errors).half_log_det()
    if form == "precision":
        lower = factorise(function, name, cov, "cholesky", errors)
        negative: Array = -np.sum(np.log(diagonal(lower)), axis=-1)
        return negative
    pivots = diagonal(to_tril(function, name, cov, form, errors))
    total: Array = np.sum(np.log(pivots), axis=-1)
    return total


def standardised(
    function: str, delta: Array, cov: Array, form: str, errors: str, name: str = "cov1"
) -> tuple[Array, Array]:
    """delta^T S^-1 delta, and ln det S / 2."""
    logs = half_log_det(function, name, cov, form, errors)
    if form == "diag":
        with np.errstate(invalid="ignore", divide="ignore"):
            square = np.sum(delta / cov * delta, axis=-1)
        return np.where(np.isnan(logs), np.nan, square), logs
    if form == "lowrank":
        return lowrank.low(cov).square(delta), logs
    if form == "precision":
        lower = factorise(function, name, cov, errors=errors)
        return np.sum((delta[..., None, :] @ lower)[..., 0, :] ** 2, axis=-1), logs
    lower = to_tril(function, name, cov, form, errors)
    if lower.size == lower.shape[-1] ** 2:  # one matrix for all: its columns are the vectors
        flat = delta.reshape(-1, delta.shape[-1])
        z = solve(lower.reshape(lower.shape[-2:]), flat.T)
        square = np.einsum("ij,ij->j", z, z).reshape(delta.shape[:-1])
        batch = np.broadcast_shapes(delta.shape[:-1], lower.shape[:-2])
        return np.broadcast_to(square, batch), logs
    z = solve(lower, delta[..., None])
    return np.sum(z * z, axis=(-2, -1)), logs

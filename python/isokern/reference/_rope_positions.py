# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Where the tokens of a definition in `rope` stand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_POSITION = 2.0**53


def ragged(cu_seqlens: ArrayLike, offsets: ArrayLike | None) -> NDArray[np.int64]:
    """Positions of packed sequences."""
    lengths = np.diff(np.asarray(cu_seqlens))
    starts = np.broadcast_to(0 if offsets is None else np.asarray(offsets), lengths.shape)
    parts = [start + np.arange(n) for start, n in zip(starts, lengths, strict=True)]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def positions_for(
    function: str,
    plan: Any,
    positions: ArrayLike | None,
    offsets: ArrayLike | None,
    batch: tuple[int, ...],
    seq: int,
) -> NDArray[np.float64]:
    """Positions (..., seq, axes) for an array with these batch axes and this length."""
    several = n_axes(plan) > 1
    if positions is not None and offsets is not None:
        raise ValueError(f"{function}: positions and offsets given, expected one of them")
    if positions is None:
        if several:
            raise ValueError(f"{function}: positions missing, the plan has {n_axes(plan)} axes")
        start = np.asarray(0 if offsets is None else offsets)
        if start.dtype.kind not in "iu":
            raise TypeError(f"{function}: offsets has dtype {start.dtype}, expected integers")
        positions = start[..., None] + np.arange(seq)
    where = check_positions(function, plan, positions)
    name = "positions" if offsets is None else "offsets"
    try:
        fits = np.broadcast_shapes(where.shape[:-2], batch) == batch
    except ValueError:
        fits = False
    if where.shape[-2] != seq or not fits:
        raise ValueError(
            f"{function}: {name} makes positions of shape {where.shape[:-1]}, expected "
            f"(..., {seq}) that broadcasts to {(*batch, seq)}"
        )
    return where


def check_positions(function: str, plan: Any, positions: ArrayLike) -> NDArray[np.float64]:
    """Check positions and give them a trailing axis of the plan's axes."""
    where = np.asarray(positions)
    if where.dtype.kind not in "iu" and where.dtype != np.float64:
        raise TypeError(
            f"{function}: positions has dtype {where.dtype}, expected integers or float64"
        )
    axes = n_axes(plan)
    if axes == 1:
        where = where[..., None]
    if where.ndim < 2 or where.shape[-1] != axes:
        raise ValueError(
            f"{function}: positions has shape {where.shape}, expected (..., seq, {axes})"
        )
    limit: float | int = int(MAX_POSITION) if where.dtype.kind in "iu" else MAX_POSITION
    if not np.all((where >= -limit) & (where <= limit)):  # false for NaN too
        raise ValueError(f"{function}: positions must be finite and at most 2^53 in size")
    return where.astype(np.float64)


def n_axes(plan: Any) -> int:
    return int(np.max(plan.axis, initial=0)) + 1

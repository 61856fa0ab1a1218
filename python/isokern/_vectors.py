# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that functions on vectors (..., d) share."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern._arrays import Array, take


def rows(function: str, name: str, array: Array) -> tuple[int, ...]:
    """Batch axes of an array of vectors."""
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(
            f"{function}: {name} has shape {array.shape}, expected (..., d) with d of at least 1"
        )
    return array.shape[:-1]


def length(function: str, like: Array, **arrays: Array) -> int:
    """The common length of the vectors."""
    d = int(like.shape[-1])
    for name, array in arrays.items():
        if array.ndim == 0 or array.shape[-1] != d:
            raise ValueError(f"{function}: {name} has shape {array.shape}, expected (..., {d})")
    return d


def take_tau(name: str, tau: Any, x: Array) -> Array | None:
    """The factor of a reflector in the dtype of `x`; a Python number has none of its own."""
    if tau is None:
        return None
    if isinstance(tau, (int, float)) and not isinstance(tau, bool):
        try:
            with np.errstate(over="ignore"):  # infinity is refused by the library, by name
                tau = x.dtype.type(tau)
        except OverflowError:
            raise ValueError(f"{name}: tau is an integer beyond {x.dtype}") from None
    factor = take(name, "tau", tau)
    if factor.dtype != x.dtype:
        raise TypeError(f"{name}: tau has dtype {factor.dtype}, expected {x.dtype} as x")
    return factor

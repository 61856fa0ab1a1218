# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Moments and Fréchet's distance of Dask arrays, block by block where the blocks are."""

from __future__ import annotations

import importlib
from typing import Any

from isokern._gaussian_frechet import frechet_distance as _frechet_distance
from isokern._gaussian_moments import Moments

__all__ = ["frechet_distance", "moments"]

_FAN = 8  # moments that are merged at a time


def _of_block(block: Any, weight: Any, d: int) -> Moments:
    return Moments(d).update(block, weight)


def _merged(parts: list[Moments]) -> Moments:
    total = Moments(parts[0].d)
    for part in parts:
        total.merge(part)
    return total


def _delayed_moments(function: str, name: str, x: Any, weight: Any) -> Any:
    if getattr(x, "ndim", None) != 2 or not hasattr(x, "to_delayed"):
        raise TypeError(f"{function}: {name} is no Dask array (n, d)")
    dask: Any = importlib.import_module("dask")
    d = int(x.shape[1])
    rows = x.rechunk({1: -1})
    blocks = rows.to_delayed()[:, 0]
    weights = [None] * len(blocks)
    if weight is not None:
        if getattr(weight, "ndim", None) != 1 or weight.shape[0] != x.shape[0]:
            raise ValueError(f"{function}: weight has no shape ({x.shape[0]},)")
        weights = list(weight.rechunk((rows.chunks[0],)).to_delayed())
    block_moments, merge = dask.delayed(_of_block), dask.delayed(_merged)
    parts = [block_moments(block, w, d) for block, w in zip(blocks, weights, strict=True)]
    while len(parts) > 1:
        parts = [merge(parts[i : i + _FAN]) for i in range(0, len(parts), _FAN)]
    return parts[0]


def moments(x: Any, weight: Any = None) -> Moments:
    """Compute the moments of a Dask array's rows: each block on its worker, then merged in a tree.

    Parameters
    ----------
    x : dask.array.Array, shape (n, d)
    weight : dask.array.Array, shape (n,), optional

    Returns
    -------
    Moments
    """
    result: Moments = _delayed_moments("moments", "x", x, weight).compute()
    return result


def frechet_distance(x: Any, y: Any, *, ddof: float = 1) -> float:
    """Fréchet's distance of two Dask arrays' rows; see `isokern.gaussian.frechet_distance`.

    Parameters
    ----------
    x, y : dask.array.Array, shape (n, d)
    ddof : float

    Returns
    -------
    float
    """
    dask: Any = importlib.import_module("dask")
    pair = (
        _delayed_moments("frechet_distance", "x", x, None),
        _delayed_moments("frechet_distance", "y", y, None),
    )
    one, other = dask.compute(*pair)
    return _frechet_distance(one, other, ddof=ddof)

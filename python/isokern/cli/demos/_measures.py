# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What an orthogonal map must keep, measured in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["angles_kept", "cosines", "distances", "distances_kept", "lengths", "sample"]

Array = npt.NDArray[Any]
Row = tuple[str, str, str]

_SAMPLE = 1000


def lengths(x: Array) -> Array:
    """Return the length of each row."""
    found: Array = np.linalg.norm(x.astype(np.float64), axis=1)
    return found


def cosines(x: Array) -> Array:
    """Return the cosines of all pairs of rows."""
    y = x.astype(np.float64)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    result: Array = y @ y.T
    return result


def distances(x: Array) -> Array:
    """Return the distances of all pairs of rows, each pair once."""
    y = x.astype(np.float64)
    squares = np.einsum("ij,ij->i", y, y)
    found = squares[:, None] + squares - 2 * (y @ y.T)
    result: Array = np.sqrt(np.maximum(found[np.triu_indices(len(y), 1)], 0))
    return result


def sample(x: Array) -> Array:
    """Return a thousand of the rows, where there are more."""
    return x[:: max(1, len(x) // _SAMPLE)][:_SAMPLE]


def _lengths_kept(what: str, x: Array, y: Array) -> Row:
    change = np.max(np.abs(lengths(y) / lengths(x) - 1))
    return what, f"{len(x):,} lengths, largest relative change", f"{change:.1e}"


def angles_kept(what: str, x: Array, y: Array) -> list[Row]:
    """Return rows on all lengths, and on the angles of a sample."""
    turned = np.max(np.abs(cosines(sample(y)) - cosines(sample(x))))
    pairs = len(sample(x)) * (len(sample(x)) - 1) // 2
    return [
        _lengths_kept(what, x, y),
        ("", f"cosines of {pairs:,} pairs, largest change", f"{turned:.1e}"),
    ]


def distances_kept(what: str, x: Array, y: Array) -> list[Row]:
    """Return rows on all lengths, and on the distances of a sample."""
    before, after = distances(sample(x)), distances(sample(y))
    apart = before > 0
    change = np.max(np.abs(after[apart] / before[apart] - 1))
    return [
        _lengths_kept(what, x, y),
        ("", f"{apart.sum():,} distances, largest relative change", f"{change:.1e}"),
    ]

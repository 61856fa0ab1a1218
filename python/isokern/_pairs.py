# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Squared distances and inner products of pairs of rows, in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isokern._arrays import as_ndarray

__all__ = ["Rows", "all_pairs", "sampled_pairs"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_TILE = 512
_CHUNK_NUMBERS = 1 << 20  # numbers of a chunk of differences
_CLOSE = 1e-4  # squared distances below this share of the lengths are taken from differences


class Rows:
    """Rows of a dense array or of a sparse matrix, divided by a power of two when read."""

    def __init__(self, function: str, name: str, value: Any) -> None:
        self.sparse = hasattr(value, "tocsr") and not isinstance(value, np.ndarray)
        self.values: Any = value.tocsr() if self.sparse else as_ndarray(function, name, value)
        if self.values.ndim != 2:
            raise ValueError(f"{function}: {name} has shape {self.values.shape}, expected (n, d)")
        if self.values.dtype.kind not in "iuf":
            raise TypeError(
                f"{function}: {name} has dtype {self.values.dtype}, expected real numbers"
            )
        numbers: Any = self.values.data if self.sparse else self.values
        if numbers.dtype.kind == "f" and not np.all(np.isfinite(numbers)):
            raise ValueError(f"{function}: {name} has a number that is not finite")
        self.shape: tuple[int, int] = self.values.shape
        self.largest = float(max(np.max(numbers, initial=0), -np.min(numbers, initial=0)))
        self.factor = 1.0
        self.centre: Floats | float = 0.0

    def centred(self) -> None:
        """Subtract the mean row before products are made, so that distances keep more digits."""
        if not self.sparse:
            n, width = self.shape
            step = max(1, _CHUNK_NUMBERS // max(1, width))
            total = np.zeros(width)
            for start in range(0, n, step):
                total += self.read(slice(start, start + step), centred=False).sum(axis=0)
            self.centre = total / max(1, n)

    def read(self, index: Any, *, centred: bool = True) -> Any:
        """Return some rows in float64."""
        part = self.values[index].astype(np.float64) / self.factor
        return part - self.centre if centred and not self.sparse else part

    def squares(self, index: Any) -> Floats:
        """Return the squared length of each of some rows."""
        return _squares(self.read(index))

    def products(self, i: Any, j: Any) -> Floats:
        """Return the inner product of every row of i with every row of j."""
        product = self.read(i) @ self.read(j).T
        return np.asarray(product.toarray() if self.sparse else product)

    def paired_products(self, i: Integers, j: Integers) -> Floats:
        """Return the inner product of each row of i with the row of j at its place."""
        u, v = self.read(i), self.read(j)
        if self.sparse:
            return np.asarray(u.multiply(v).sum(axis=1), dtype=np.float64).reshape(-1)
        return np.asarray(np.einsum("ij,ij->i", u, v))

    def paired_distances(self, i: Integers, j: Integers) -> Floats:
        """Return the squared distance of each row of i from the row of j at its place."""
        found = np.empty(len(i))
        step = max(1, _CHUNK_NUMBERS // max(1, self.shape[1]))
        for start in range(0, len(i), step):
            part = slice(start, start + step)
            rows, others = (self.read(index[part], centred=False) for index in (i, j))
            found[part] = _squares(rows - others)
        return found


def _squares(rows: Any) -> Floats:
    if isinstance(rows, np.ndarray):
        return np.asarray(np.einsum("ij,ij->i", rows, rows))
    return np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float64).reshape(-1)


def _tile_distances(rows: Rows, i: slice, j: slice, squares: Floats, upper: Any) -> Floats:
    sums = (squares[i, None] + squares[None, j])[upper]
    found = sums - 2 * rows.products(i, j)[upper]
    close = np.flatnonzero(found < _CLOSE * sums)
    found[close] = rows.paired_distances(i.start + upper[0][close], j.start + upper[1][close])
    return np.asarray(found)


def all_pairs(
    x: Rows, y: Rows, *, distances: bool
) -> Iterator[tuple[Integers, Integers, Floats, Floats]]:
    """Yield indices i < j and squared distances (or inner products) of x and y, tile by tile."""
    n = x.shape[0]
    every = [slice(start, min(n, start + _TILE)) for start in range(0, n, _TILE)]
    squares = [
        np.concatenate([np.empty(0)] + [rows.squares(part) for part in every]) for rows in (x, y)
    ]
    for a, i in enumerate(every):
        for j in every[a:]:
            shape = i.stop - i.start, j.stop - j.start
            upper = (
                np.triu_indices(shape[0], 1) if i == j else tuple(np.indices(shape).reshape(2, -1))
            )
            values = [
                _tile_distances(rows, i, j, square, upper)
                if distances
                else rows.products(i, j)[upper]
                for rows, square in zip((x, y), squares, strict=True)
            ]
            yield i.start + upper[0], j.start + upper[1], values[0], values[1]


def sampled_pairs(
    x: Rows, y: Rows, count: int, seed: int, *, distances: bool
) -> Iterator[tuple[Integers, Integers, Floats, Floats]]:
    """Yield the same for `count` pairs drawn independently from all pairs."""
    n = x.shape[0]
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK_NUMBERS // max(1, x.shape[1]))
    first = generator.integers(n, size=count)
    second = generator.integers(n - 1, size=count)
    second += second >= first
    for start in range(0, count, step):
        i, j = first[start : start + step], second[start : start + step]
        if distances:
            yield i, j, x.paired_distances(i, j), y.paired_distances(i, j)
        else:
            yield i, j, x.paired_products(i, j), y.paired_products(i, j)

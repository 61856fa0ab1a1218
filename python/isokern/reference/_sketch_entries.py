# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Entries of random maps, each a function of the seed, its place and the map's parameters alone.

Word w of stream s is word ``w mod 4`` of the generator's block ``w div 4`` with counter ``(block,
s)`` and the seed as key. The maps have streams of their own, from ``STREAM`` on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isokern.reference.random import normals, philox4x32

STREAM = 2 << 48
IID, SIGNS, NORMALS, HADAMARD = (STREAM + (tag << 40) for tag in (1, 2, 3, 4))

Integers = NDArray[np.int64]


def words(seed: int, stream: Any, block: Any) -> NDArray[np.uint32]:
    """Return the four words of each block, shape broadcast(stream, block) + (4,)."""
    stream, block = np.broadcast_arrays(np.uint64(stream), np.uint64(block))
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    counter = np.stack([block & low, block >> half, stream & low, stream >> half], axis=-1)
    return philox4x32(counter.astype(np.uint32), np.array([seed & 0xFFFFFFFF, seed >> 32]))


def word(seed: int, stream: Any, index: Integers) -> NDArray[np.uint64]:
    """Return word `index` of a stream."""
    chosen = np.take_along_axis(
        words(seed, stream, index // 4), np.expand_dims(index % 4, -1), axis=-1
    )
    return chosen[..., 0].astype(np.uint64)


def group_bounds(k: int, s: int) -> list[int]:
    """Return where each of s groups of k rows begins, and the end: group b starts at b k div s."""
    return [b * k // s for b in range(s + 1)]


def sparse_jl(seed: int, k: int, s: int, columns: Integers) -> tuple[Integers, Integers]:
    """Return rows and signs, both (columns, s), of the nonzeros of some features.

    Feature j has one nonzero in each of s groups of rows. With w = word ``b mod 4`` of block j of
    stream ``STREAM + b div 4``, that of group b, of m rows, is row ``((w div 2) m) div 2^31`` of
    the group, and negative where w is odd.
    """
    bounds = np.array(group_bounds(k, s))
    b = np.arange(s)
    drawn = words(seed, STREAM + b // 4, columns[:, None]).astype(np.uint64)
    w = np.take_along_axis(drawn, np.broadcast_to(b % 4, drawn.shape[:2])[..., None], -1)[..., 0]
    size = np.diff(bounds).astype(np.uint64)
    rows = bounds[:-1] + (((w >> np.uint64(1)) * size) >> np.uint64(31)).astype(np.int64)
    return rows, 1 - 2 * (w & np.uint64(1)).astype(np.int64)


def sparse_jl_block(seed: int, k: int, s: int, rows: Integers, columns: Integers) -> Integers:
    """Return the signs (rows, columns) of a map with s nonzeros a feature."""
    at, signs = sparse_jl(seed, k, s, columns)
    dense = np.zeros((len(columns), k), np.int64)
    np.put_along_axis(dense, at, signs, axis=1)
    return dense[:, rows].T


def threshold(density: float) -> int:
    """Return of how many of the 2^31 values of a word's upper bits an entry is not zero."""
    return max(1, round(density * 2**31))


def iid_block(seed: int, density: float, rows: Integers, columns: Integers) -> Integers:
    """Return signs and zeros (rows, columns), independent of one another.

    With w = word j of stream ``IID + i``, entry (i, j) is not zero where ``w div 2`` is below the
    threshold, and negative where w is odd.
    """
    w = word(seed, IID + rows.astype(np.uint64)[:, None], columns[None, :])
    inside = (w >> np.uint64(1)) < np.uint64(threshold(density))
    return np.where(inside, 1 - 2 * (w & np.uint64(1)).astype(np.int64), 0)


def signs(seed: int, stream: Any, columns: Integers) -> Integers:
    """Return sign j of a stream: -1 where bit ``j mod 32`` of its word ``j div 32`` is set."""
    w = word(seed, stream, columns // 32)
    return 1 - 2 * ((w >> (columns % 32).astype(np.uint64)) & np.uint64(1)).astype(np.int64)


def sign_block(seed: int, rows: Integers, columns: Integers) -> Integers:
    """Return signs (rows, columns): row i has the signs of stream ``SIGNS + i``."""
    return signs(seed, SIGNS + rows.astype(np.uint64)[:, None], columns[None, :])


def normal_block(seed: int, rows: Integers, columns: Integers) -> NDArray[np.float64]:
    """Return normal numbers (rows, columns): row i has the numbers of stream ``NORMALS + i``."""
    if rows.size == 0 or columns.size == 0:
        return np.zeros((rows.size, columns.size))
    first, last = int(columns.min()), int(columns.max())
    return np.array(
        [normals(seed, NORMALS + int(i), first, last - first + 1)[columns - first] for i in rows]
    )


def padded(d: int, k: int) -> int:
    """Return the length of the Walsh-Hadamard transform behind a map: a power of two."""
    return max(1 << (max(d, k) - 1).bit_length(), 1)


def hadamard_rows(seed: int, size: int, k: int) -> Integers:
    """Draw k of `size` rows without replacement.

    Step t exchanges place t with place ``t + (u (size - t)) div 2^64``, where u is made of the
    words 2t (lower half) and 2t + 1 of stream ``HADAMARD + 1``.
    """
    w = word(seed, HADAMARD + 1, np.arange(2 * k))
    places: dict[int, int] = {}
    chosen = []
    for t in range(k):
        u = int(w[2 * t]) + (int(w[2 * t + 1]) << 32)
        other = t + (u * (size - t) >> 64)
        chosen.append(places.get(other, other))
        places[other] = places.get(t, t)
    return np.array(chosen, np.int64)


def hadamard_block(seed: int, d: int, k: int, rows: Integers, columns: Integers) -> Integers:
    """Return signs (rows, columns) of a sampled Hadamard matrix times a random diagonal.

    The sign of ``(-1)^(bits that row p_i and j have in common)`` and sign j of stream `HADAMARD`.
    """
    chosen = hadamard_rows(seed, padded(d, k), k)[rows]
    common = chosen[:, None] & columns[None, :]
    odd = np.zeros_like(common)
    while common.any():
        odd ^= common & 1
        common >>= 1
    return (1 - 2 * odd) * signs(seed, HADAMARD, columns)


def scale(kind: str, d: int, k: int, s: int, density: float) -> float:
    """Return what the signs or numbers of a map are multiplied by, so that E|Rx|^2 = |x|^2."""
    if kind in ("sparse_jl", "count_sketch"):
        return 1 / math.sqrt(s)
    if kind in ("achlioptas", "very_sparse"):
        return 1 / math.sqrt(density * k)
    if kind == "haar":
        return math.sqrt(d / k)
    return 1 / math.sqrt(k)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps on dense and sparse rows, and the Walsh-Hadamard transform.

isokern draws its map within the call; the peers' are made beforehand (`_projection_peers`).
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import numpy as np

from isokern.projection import Sketch, fwht

from ..peers import Peers
from . import Case, Competitor, _projection_peers, aligned_empty, random_array

__all__ = ["cases"]


def _mine(sketch: Sketch, x: Any) -> list[Competitor]:
    out = aligned_empty((x.shape[0], sketch.k), sketch.dtype)
    return [
        Competitor("isokern", "isokern", "new output", partial(sketch.apply, x)),
        Competitor("isokern", "isokern", "out=", partial(sketch.apply, x, out=out)),
    ]


def _dense_rows(sketch: Sketch, rows: int, peers: Peers) -> list[Competitor]:
    x = random_array((rows, sketch.d), sketch.dtype, seed=0)
    return [*_mine(sketch, x), *_projection_peers.sparse_map(sketch, x, peers)]


def _stored(sketch: Sketch, rows: int, peers: Peers) -> list[Competitor]:
    x = random_array((rows, sketch.d), sketch.dtype, seed=0)
    return [*_mine(sketch, x), *_projection_peers.dense_map(sketch, x, peers)]


def _csr_rows(sketch: Sketch, rows: int, each: int, peers: Peers) -> list[Competitor]:
    rng = np.random.default_rng(0)
    matrix = importlib.import_module("scipy.sparse").csr_matrix
    values = rng.standard_normal(rows * each, dtype=np.float32).astype(sketch.dtype)
    indices = rng.integers(0, sketch.d, rows * each).astype(np.int32)
    starts = np.arange(0, rows * each + 1, each, dtype=np.int32)
    x = matrix((values, indices, starts), shape=(rows, sketch.d))
    x.sort_indices()
    x.sum_duplicates()
    return [*_mine(sketch, x), *_projection_peers.sparse_input(sketch, x, peers)]


def _srht(sketch: Sketch, rows: int, peers: Peers) -> list[Competitor]:
    """Beside the sparse map of scikit-learn, which is no answer to the same question."""
    x = random_array((rows, sketch.d), sketch.dtype, seed=0)
    found = _mine(sketch, x)
    other = Sketch("sparse_jl", sketch.d, sketch.k, dtype=sketch.dtype)
    for peer in _projection_peers.sparse_map(other, x, peers):
        if peer.library == "sklearn":
            name = f"{peer.name} (a sparse map)"
            found.append(Competitor(name, "sklearn", peer.mode, peer.call, answers=False))
    return found


def _fwht(rows: int, n: int, dtype: str, peers: Peers) -> list[Competitor]:
    x = random_array((rows, n), dtype, seed=0)
    mine, theirs = aligned_empty(x.shape, dtype), aligned_empty(x.shape, dtype)
    return [
        Competitor("isokern", "isokern", "new output", partial(fwht, x)),
        Competitor("isokern", "isokern", "out=", partial(fwht, x, out=mine)),
        *_projection_peers.transforms(x, None, theirs, peers),
    ]


def _fwht_in_place(rows: int, n: int, dtype: str, peers: Peers) -> list[Competitor]:
    """Transform again and again: the numbers grow, beyond all bounds at last, in the same time."""
    x, z = (random_array((rows, n), dtype, seed=0) for _ in range(2))
    found = [Competitor("isokern", "isokern", "in place", partial(fwht, x, out=x))]
    peers_found = _projection_peers.transforms(z, z, np.empty_like(z), peers)
    return found + [peer for peer in peers_found if peer.mode == "in place"]


def cases(quick: bool) -> list[Case]:
    """Return the cases of the area."""
    found = []

    def add(name: str, sketch: Sketch, rows: int, setup: Any, operations: float = 0) -> None:
        size = sketch.dtype.itemsize
        found.append(
            Case(
                name=name,
                area="projection",
                dtype=sketch.dtype.name,
                shape=f"{rows} x {sketch.d} -> {sketch.k}",
                moved_bytes=rows * (sketch.d + sketch.k) * size,
                setup=partial(setup, sketch, rows),
                operations=operations,
            )
        )

    rows, d, k = (512, 1024, 128) if quick else (16384, 4096, 512)
    for dtype in ("float32", "float64"):
        kind = np.dtype(dtype)
        add("sparse_jl, s = 8", Sketch("sparse_jl", d, k, dtype=kind), rows, _dense_rows)
        add("count_sketch", Sketch("count_sketch", d, k, dtype=kind), rows, _dense_rows)
        add("srht", Sketch("srht", d, k, dtype=kind), rows, _srht)
    rows, d, k = (500, 1000, 100) if quick else (20000, 10000, 1000)
    single: Any = np.float32
    add("sparse_jl, s = 10", Sketch("sparse_jl", d, k, s=10, dtype=single), rows, _dense_rows)
    large = Sketch("count_sketch", d, k, dtype=single)
    add("count_sketch, many features", large, rows, _dense_rows)
    add("very_sparse", Sketch("very_sparse", d, k, dtype=single), rows, _dense_rows)
    add("gaussian", Sketch("gaussian", d, k, dtype=single), rows, _stored, 2.0 * rows * d * k)
    rows, d, k = (500, 5000, 100) if quick else (20000, 100_000, 1000)
    csr = partial(_csr_rows, each=d // 1000)
    for name, sketch in (
        ("CSR, sparse_jl, s = 3", Sketch("sparse_jl", d, k, s=3, dtype=single)),
        ("CSR, count_sketch", Sketch("count_sketch", d, k, dtype=single)),
    ):
        found.append(
            Case(
                name=name,
                area="projection",
                dtype="float32",
                shape=f"{rows} x {d} -> {k}, {d // 1000} nonzeros a row",
                moved_bytes=rows * (d // 1000 * 8 + k * 4),
                setup=lambda peers, sketch=sketch: csr(sketch, rows, peers=peers),
            )
        )
    rows, n = (256, 1024) if quick else (4096, 4096)
    for dtype in ("float32", "float64"):
        moved = 2 * rows * n * np.dtype(dtype).itemsize
        for name, setup in (("fwht", _fwht), ("fwht in place", _fwht_in_place)):
            made = partial(setup, rows, n, dtype)
            found.append(Case(name, "projection", dtype, f"{rows} x {n}", moved, made))
    return found

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""How random maps are applied with NumPy, SciPy, scikit-learn and torch.

All apply isokern's map, which is made for them beforehand, so that the answers can be compared:
generous to peers, whose own maps are drawn and stored in a call of its own (`fit`).
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from isokern.projection import Sketch

from ..peers import Peers
from . import Competitor, aligned_empty

__all__ = ["dense_map", "sparse_input", "sparse_map", "transforms"]


def _fitted(sketch: Sketch) -> Any:
    """Return scikit-learn's transformer with this map."""
    module = importlib.import_module("sklearn.random_projection")
    transformer = module.SparseRandomProjection(sketch.k, dense_output=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformer.fit(np.zeros((1, sketch.d), sketch.dtype))
    matrix = importlib.import_module("scipy.sparse").csr_matrix
    transformer.components_ = matrix(sketch.to_csr())
    return transformer


def _by_sklearn(sketch: Sketch, x: Any, peers: Peers) -> list[Competitor]:
    if not peers.has("sklearn"):
        return []
    transform = partial(_fitted(sketch).transform, x)
    return [Competitor("scikit-learn transform", "sklearn", "new output", transform)]


def sparse_map(sketch: Sketch, x: Any, peers: Peers) -> list[Competitor]:
    """Apply a sparse map to dense rows."""
    found = _by_sklearn(sketch, x, peers)
    if peers.has("scipy"):
        by_feature = sketch.to_csr().tocsc()
        call: Callable[[], Any] = lambda: (by_feature @ x.T).T  # noqa: E731
        found.append(Competitor("SciPy sparse product", "scipy", "new output", call))
    if peers.has("torch"):
        torch = peers.torch
        rows = sketch.to_csr()
        indptr, indices = (torch.from_numpy(part) for part in (rows.indptr, rows.indices))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrix = torch.sparse_csr_tensor(
                indptr, indices, torch.from_numpy(rows.data), rows.shape
            )
        tx = torch.from_numpy(x)
        found.append(
            Competitor("torch CSR product", "torch", "new output", lambda: (matrix @ tx.T).T)
        )
    if sketch.s == 1:
        found += _by_index(sketch, x, peers)
    return found


def _by_index(sketch: Sketch, x: Any, peers: Peers) -> list[Competitor]:
    """Add each feature, with its sign, to one output."""
    by_feature = sketch.to_csr().tocsc()
    places, signs = by_feature.indices.astype(np.int64), by_feature.data
    found = []
    if peers.has("torch"):
        torch = peers.torch
        tx, index, factors = (torch.from_numpy(part) for part in (x, places, signs))

        def added() -> Any:
            out = torch.zeros((len(x), sketch.k), dtype=tx.dtype)
            return out.index_add_(1, index, tx * factors)

        found.append(Competitor("torch index_add", "torch", "new output", added))
    if peers.has("numpy"):
        order = np.argsort(places, kind="stable")
        present, starts = np.unique(places[order], return_index=True)
        sorted_signs = signs[order]

        def reduced() -> Any:
            out = np.zeros((len(x), sketch.k), x.dtype)
            out[:, present] = np.add.reduceat(x[:, order] * sorted_signs, starts, axis=1)
            return out

        found.append(Competitor("NumPy take and reduceat", "numpy", "new output", reduced))
    return found


def sparse_input(sketch: Sketch, x: Any, peers: Peers) -> list[Competitor]:
    """Apply a sparse map to a CSR matrix, with a dense result."""
    found = _by_sklearn(sketch, x, peers)
    if peers.has("scipy"):
        matrix = importlib.import_module("scipy.sparse").csr_matrix
        turned = matrix(sketch.to_csr().T)
        call: Callable[[], Any] = lambda: (x @ turned).toarray()  # noqa: E731
        found.append(Competitor("SciPy product, made dense", "scipy", "new output", call))
        if sketch.s == 1:
            found += _clarkson_woodruff(sketch, x)
    return found


def _clarkson_woodruff(sketch: Sketch, x: Any) -> list[Competitor]:
    """SciPy's own count sketch, of the transposed matrix: it draws another map, within the call."""
    transform = importlib.import_module("scipy.linalg").clarkson_woodruff_transform
    columns = x.T
    return [
        Competitor(
            "SciPy clarkson_woodruff_transform, made dense", "scipy", "new output",
            lambda: transform(columns, sketch.k, 0).toarray().T, answers=False,
        ),
        Competitor(
            "SciPy clarkson_woodruff_transform, sparse result", "scipy", "new output",
            lambda: transform(columns, sketch.k, 0), answers=False,
        ),
    ]  # fmt: skip


def dense_map(sketch: Sketch, x: Any, peers: Peers) -> list[Competitor]:
    """Multiply by a dense map that is stored."""
    matrix = np.ascontiguousarray(sketch.matrix())
    out = aligned_empty((len(x), sketch.k), x.dtype)
    found = []
    if peers.has("numpy"):
        call = partial(np.matmul, x, matrix.T, out=out)
        found.append(Competitor("NumPy product, map stored", "numpy", "out=", call))
    if peers.has("torch"):
        torch = peers.torch
        tx, tm, to = (torch.from_numpy(part) for part in (x, matrix, np.empty_like(out)))
        product = partial(torch.matmul, tx, tm.T, out=to)
        found.append(Competitor("torch product, map stored", "torch", "out=", product))
    return found


def transforms(x: Any, in_place: Any, out: Any, peers: Peers) -> list[Competitor]:
    """Walsh-Hadamard transforms of rows."""
    found = []
    if peers.has("fht_cpu"):
        fht = importlib.import_module("fht_cpu").fht
        threads = peers.threads
        found += [
            Competitor(
                "fht_cpu", "fht_cpu", "new output",
                partial(fht, x, inplace=False, num_threads=threads),
            ),
            Competitor("fht_cpu", "fht_cpu", "out=", partial(fht, x, out=out, num_threads=threads)),
        ]  # fmt: skip
        if in_place is not None:
            call = partial(fht, in_place, num_threads=threads)
            found.append(Competitor("fht_cpu", "fht_cpu", "in place", call))
    return found

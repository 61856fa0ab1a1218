# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Dask collections, block by block where the blocks are: random projections, moments of features.

A map is a seed and a few numbers, so that workers draw what they need of it and nothing is sent to
them; projections have the bits of one machine. Needs Dask: ``pip install "isokern[dask]"``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

try:
    import dask.array as da
    import dask.bag as db
    from dask.delayed import delayed
except ImportError:
    raise ImportError('isokern.dask needs Dask: pip install "isokern[dask]"') from None

from isokern._gaussian_dask import frechet_distance, moments
from isokern._sketch import Sketch

__all__ = ["frechet_distance", "moments", "project"]

# Kinds whose sums have the same bits for any cut of the features, or for cuts at multiples of a
# number that the steps of every kernel divide.
_ANY_CUT = ("sparse_jl", "count_sketch", "achlioptas", "very_sparse")
_CUT = 1024
_EVEN_CUTS = ("gaussian", "rademacher", "haar")


def project(x: Any, sketch: Any) -> Any:
    """Map the rows of a Dask collection.

    Parameters
    ----------
    x : dask.array.Array, shape (n, d), or dask.bag.Bag
        An array in chunks of rows and columns, whose blocks are NumPy arrays or SciPy's CSR or CSC
        matrices; n may be unknown. Or a bag of such blocks, each with all d columns.
    sketch : Sketch or transformer
        The map; of a fitted transformer of `isokern.projection` its map is taken, in the dtype of
        an array x.

    Returns
    -------
    dask.array.Array, shape (n, k), or dask.bag.Bag
        The images, not computed yet: an array in the row chunks of x and one chunk of columns, or a
        bag of dense arrays. They have the same bits as ``sketch.apply`` of all rows in memory.

    Raises
    ------
    TypeError
        Another collection, or a dtype other than the sketch's.
    ValueError
        Arrays of other than two axes, rows of another length, chunks of columns of unknown size.

    Notes
    -----
    Chunks of columns are added one after the other, each by a task that holds one chunk and k
    numbers a row. Where that would change bits, which is so for "srht", and for the other dense
    kinds unless chunks begin at multiples of 1024, the columns of a row chunk are brought together.

    Examples
    --------
    >>> import dask.array as da
    >>> from isokern.dask import project
    >>> from isokern.projection import Sketch
    >>> x = da.ones((1000, 300), chunks=(250, 100))
    >>> y = project(x, Sketch("sparse_jl", 300, 40, seed=1))
    >>> y.shape, y.chunks[0]
    ((1000, 40), (250, 250, 250, 250))
    """
    name = "project"
    if isinstance(x, db.Bag):
        return x.map(_apply, _take_sketch(name, sketch, None))
    if not isinstance(x, da.Array):
        raise TypeError(f"{name}: x is a {type(x).__name__}, expected a Dask array or bag")
    kind = _take_sketch(name, sketch, x.dtype)
    if x.ndim != 2:
        raise ValueError(f"{name}: x has {x.ndim} axes, expected 2")
    if np.isnan(x.shape[1]):
        raise ValueError(f"{name}: x has chunks of unknown width, expected columns of known sizes")
    if x.shape[1] != kind.d:
        raise ValueError(f"{name}: x has shape {x.shape}, expected (n, {kind.d})")
    if x.dtype != kind.dtype:
        raise TypeError(f"{name}: x has dtype {x.dtype}, expected {kind.dtype} as the sketch")
    starts = [0, *np.cumsum(x.chunks[1])[:-1].tolist()]
    cut = kind.kind in _ANY_CUT or (
        kind.kind in _EVEN_CUTS and all(start % _CUT == 0 for start in starts)
    )
    if len(starts) == 1 or not cut:
        return da.map_blocks(
            _apply, x.rechunk({1: -1}), kind, dtype=kind.dtype, chunks=(x.chunks[0], (kind.k,)),
            meta=np.empty((0, 0), kind.dtype),
        )  # fmt: skip
    add = delayed(_add, pure=True)
    rows = []
    for blocks, height in zip(x.to_delayed(), x.chunks[0], strict=True):
        partial = None
        for block, start in zip(blocks, starts, strict=True):
            partial = add(partial, block, kind, start)
        rows.append(da.from_delayed(partial, (height, kind.k), kind.dtype))
    return da.concatenate(rows, axis=0)


def _take_sketch(name: str, sketch: Any, dtype: Any) -> Sketch:
    if isinstance(sketch, Sketch):
        return sketch
    if hasattr(sketch, "inverse_transform") and hasattr(type(sketch), "components_"):
        fitted = getattr(sketch, "sketch_", None)
        if fitted is None:
            raise ValueError(f"{name}: sketch is a transformer that is not fitted")
        if dtype in (np.dtype(np.float32), np.dtype(np.float64)):
            fitted = sketch._sketch_of(dtype)
        if isinstance(fitted, Sketch):
            return fitted
    raise TypeError(
        f"{name}: sketch is a {type(sketch).__name__}, expected a Sketch or a fitted transformer"
    )


def _apply(block: Any, sketch: Sketch) -> Any:
    return sketch.apply(block)


def _add(partial: Any, block: Any, sketch: Sketch, start: int) -> Any:
    # A task may not change what it is given.
    out = np.zeros((block.shape[0], sketch.k), sketch.dtype) if partial is None else partial.copy()
    return sketch.accumulate(block, start, out)

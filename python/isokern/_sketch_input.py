# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Arguments of sketches: numbers, places, sparse matrices (known without importing SciPy)."""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from isokern._arrays import Array


@dataclass(frozen=True)
class SparseInput:
    """The parts of a sparse matrix, as the library takes them."""

    by_column: bool
    shape: tuple[int, int]
    values: Array
    indices: Array
    starts: Array


_LEAST_DENSITY = 1e-6  # below, the probability that is drawn would differ from it


def is_sparse(value: Any) -> bool:
    """Whether this is a matrix or array of SciPy's sparse formats, or one that looks like it."""
    return type(value) is not np.ndarray and hasattr(value, "format") and hasattr(value, "nnz")


def take_sparse(name: str, argument: str, value: Any, dtype: np.dtype[Any]) -> SparseInput:
    """Check a sparse matrix; nothing is copied that fits."""
    if value.format not in ("csr", "csc"):
        raise TypeError(
            f"{name}: {argument} is sparse in the format {value.format!r}, expected csr or csc: "
            f"convert it with {argument}.tocsr()"
        )
    if len(value.shape) != 2:
        raise ValueError(f"{name}: {argument} has shape {value.shape}, expected (n, d)")
    values = np.asarray(value.data)
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    if values.dtype != dtype:
        raise TypeError(
            f"{name}: {argument} has dtype {values.dtype}, expected {dtype} as the sketch"
        )
    starts, indices = np.asarray(value.indptr), np.asarray(value.indices)
    for part, array in (("indptr", starts), ("indices", indices)):
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError(f"{name}: {part} has dtype {array.dtype}, expected integers")
    narrow = starts.dtype == np.int32 and indices.dtype == np.int32
    kind = np.int32 if narrow else np.int64
    rows, columns = (int(extent) for extent in value.shape)
    lines = columns if value.format == "csc" else rows
    if starts.size != lines + 1 or indices.size < starts[-1] or values.size < starts[-1]:
        raise ValueError(
            f"{name}: indptr has {starts.size} numbers up to {starts[-1:]}, indices {indices.size} "
            f"and data {values.size}, which are no {rows} x {columns} matrix"
        )
    used = int(starts[-1])  # SciPy lets the arrays be longer
    return SparseInput(
        value.format == "csc",
        (rows, columns),
        np.require(values[:used], dtype.newbyteorder("="), ["C", "ALIGNED"]),
        np.require(indices[:used], kind, ["C", "ALIGNED"]),
        np.require(starts, kind, ["C", "ALIGNED"]),
    )


def integer(argument: str, value: Any, low: int, high: int) -> int:
    """Check an integer argument of a sketch."""
    text = f"an integer from {low} to {high}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"Sketch: {argument} is {value!r}, expected {text}")
    number = operator.index(value)
    if not low <= number <= high:
        raise ValueError(f"Sketch: {argument} is {value!r}, expected {text}")
    return number


def fraction(value: Any) -> float:
    """Check a density."""
    text = f"Sketch: density is {value!r}, expected a number from 1e-6 to 1"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(text) from None
    if not _LEAST_DENSITY <= number <= 1:
        raise ValueError(text)
    return number


def indices(argument: str, chosen: Any, n: int) -> Array:
    """Return the places that a slice, integers or None choose of n."""
    if chosen is None or isinstance(chosen, slice):
        return np.ascontiguousarray(np.arange(n, dtype=np.int64)[chosen or slice(None)])
    found = np.atleast_1d(np.asarray(chosen))
    if found.size and (found.dtype.kind not in "iu" or found.ndim != 1):
        raise TypeError(f"Sketch.matrix: {argument} is {chosen!r}, expected a slice or integers")
    if found.dtype.kind == "u":
        found = np.minimum(found, n)  # none that fits changes
    found = found.astype(np.int64)
    if found.size and not (-n <= found.min() and found.max() < n):
        raise IndexError(
            f"Sketch.matrix: {argument} has {found.min()} to {found.max()}, expected "
            f"{-n} to {n - 1}"
        )
    return np.where(found < 0, found + n, found)


def warn_of_dimension(where: str, k: int, d: int, category: type[Warning], stacklevel: int) -> None:
    """Warn of more dimensions than there are features."""
    if k > d:
        warnings.warn(
            f"{where} is {k}, more than the {d} features: nothing is gained over the data "
            "themselves",
            category,
            stacklevel=stacklevel + 1,
        )

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps from many dimensions to few, and the Walsh-Hadamard transform.

Sources: Kane, Nelson, "Sparser Johnson-Lindenstrauss transforms", J. ACM 61 (2014); Charikar,
Chen, Farach-Colton, "Finding frequent items in data streams", ICALP 2002; Achlioptas,
"Database-friendly random projections", J. Comput. Syst. Sci. 66 (2003); Li, Hastie, Church, "Very
sparse random projections", KDD 2006; Ailon, Chazelle, "The fast Johnson-Lindenstrauss transform",
SIAM J. Comput. 39 (2009); Tropp, "Improved analysis of the subsampled randomized Hadamard
transform", Adv. Adapt. Data Anal. 3 (2011).
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from isokern.reference import _sketch_entries as entries
from isokern.reference._haar import haar
from isokern.reference._tools import Array, Like

KINDS = (
    "sparse_jl",
    "count_sketch",
    "achlioptas",
    "very_sparse",
    "rademacher",
    "gaussian",
    "srht",
    "haar",
)
SPARSE_KINDS = KINDS[:4]

__all__ = ["KINDS", "Sketch", "fwht"]


def fwht(x: Like, *, axis: int = -1, normalize: bool = False) -> Array:
    """Multiply by the Hadamard matrix of entries ``(-1)^(bits that i and j have in common)``.

    Parameters
    ----------
    x : array_like
        float32 or float64; a power of two long, 1 to 2^24, along `axis`.
    axis : int
    normalize : bool
        Divide by the square root of the length, which makes the matrix orthogonal.

    Returns
    -------
    ndarray
    """
    x = np.asarray(x)
    x = x.astype(np.float64) if x.dtype.kind in "iu" else x
    n = x.shape[axis]
    if n < 1 or n & (n - 1) or n > 1 << 24:
        raise ValueError(
            f"fwht: x has {n} elements along axis {axis}, expected a power of two up to 2^24"
        )
    y = np.moveaxis(x, axis, -1).astype(np.longdouble)
    width = 1
    while width < n:
        pairs = y.reshape(*y.shape[:-1], -1, 2, width)
        upper, lower = pairs[..., 0, :], pairs[..., 1, :]
        y = np.stack([upper + lower, upper - lower], axis=-2).reshape(y.shape)
        width *= 2
    y = y / np.sqrt(np.longdouble(n)) if normalize else y
    rounded: Array = np.moveaxis(y, -1, axis).astype(x.dtype)
    return rounded


class Sketch:
    """A random map R from d to k dimensions with E|Rx|^2 = |x|^2.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    d, k : int
    seed : int
        0 to 2^64 - 1.
    s : int, optional
        Nonzeros a feature of a sparse_jl map, default 8 (k, if that is less).
    density : float, optional
        Of a very_sparse map, from 1e-6 to 1, default 1 / sqrt(d).
    dtype : dtype
        float32 or float64; entries are rounded to it.
    """

    def __init__(
        self,
        kind: str,
        d: int,
        k: int,
        *,
        seed: int = 0,
        s: int | None = None,
        density: float | None = None,
        dtype: Any = np.float64,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"Sketch: kind is {kind!r}, expected one of {', '.join(KINDS)}")
        self.kind, self.d, self.k = kind, operator.index(d), operator.index(k)
        self.seed, self.dtype = operator.index(seed), np.dtype(dtype)
        self.s = 1 if kind == "count_sketch" else min(8, k) if s is None else operator.index(s)
        default = 1 / 3 if kind == "achlioptas" else 1 / math.sqrt(d)
        self.density = default if density is None else float(density)
        if self.d < 1 or self.k < 1 or (kind == "haar" and self.k > self.d):
            raise ValueError(f"Sketch: d is {d} and k is {k}, expected at least 1 (haar: k <= d)")
        if not 1 <= self.s <= self.k:
            raise ValueError(f"Sketch: s is {s}, expected 1 to k = {k}")
        if not 1e-6 <= self.density <= 1:
            raise ValueError(f"Sketch: density is {density}, expected from 1e-6 to 1")
        self.scale = entries.scale(kind, self.d, self.k, self.s, self.density)

    def matrix(self, rows: Any = None, cols: Any = None) -> Array:
        """Return R, or the asked rows and columns of it."""
        i = np.arange(self.k) if rows is None else np.atleast_1d(np.arange(self.k)[rows])
        j = np.arange(self.d) if cols is None else np.atleast_1d(np.arange(self.d)[cols])
        seed, kind = self.seed, self.kind
        values: Any
        if kind in ("sparse_jl", "count_sketch"):
            values = entries.sparse_jl_block(seed, self.k, self.s, i, j)
        elif kind in ("achlioptas", "very_sparse"):
            values = entries.iid_block(seed, self.density, i, j)
        elif kind == "rademacher":
            values = entries.sign_block(seed, i, j)
        elif kind == "gaussian":
            values = entries.normal_block(seed, i, j)
        elif kind == "srht":
            values = entries.hadamard_block(seed, self.d, self.k, i, j)
        else:
            values = haar(self.d, k=self.k, seed=seed, dtype=self.dtype).T[np.ix_(i, j)]
        block: Array = (values * np.float64(self.scale)).astype(self.dtype)
        return block

    def apply(self, x: Like) -> Array:
        """Return x R^T for x (..., d)."""
        product = np.asarray(x).astype(np.longdouble) @ self.matrix().T.astype(np.longdouble)
        return product.astype(self.dtype)

    def adjoint(self, y: Like) -> Array:
        """Return y R for y (..., k)."""
        product = np.asarray(y).astype(np.longdouble) @ self.matrix().astype(np.longdouble)
        return product.astype(self.dtype)

    def accumulate(self, x_columns: Like, start: int, out: Array) -> Array:
        """Add to `out` what the columns start, start + 1, ... of x contribute to x R^T."""
        x = np.asarray(x_columns)
        block = self.matrix(cols=slice(start, start + x.shape[-1])).T
        out += (x.astype(np.longdouble) @ block.astype(np.longdouble)).astype(self.dtype)
        return out

    def to_csr(self) -> tuple[Array, Array, Array]:
        """Return data, indices and indptr of R by rows."""
        dense = self.matrix()
        rows, indices = np.nonzero(dense)
        counts = np.bincount(rows, minlength=self.k)
        return dense[rows, indices], indices, np.concatenate([[0], np.cumsum(counts)])

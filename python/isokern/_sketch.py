# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps from many dimensions to few, defined by a seed and never stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from isokern._arrays import Array, empty, take_output
from isokern._sketch_input import (
    SparseInput,
    indices,
    is_sparse,
    take_sparse,
    warn_of_dimension,
)
from isokern._sketch_parameters import KINDS, SPARSE_KINDS, Parameters

__all__ = ["KINDS", "Sketch"]


class Sketch(Parameters):
    r"""A random map R from d to k dimensions that keeps squared lengths on average.

    :math:`E|Rx|^2 = |x|^2` for every x. The map is a function of the arguments alone and is never
    stored: a sketch is a few numbers, which can be pickled, sent elsewhere and compared, and gives
    the same entries on every machine, in C++ and on any number of threads.

    Parameters
    ----------
    kind : str
        What the map is made of:

        ================  ====================================================================
        ``sparse_jl``     exactly s nonzeros :math:`\pm 1/\sqrt s` a feature, one in each of s
                          groups of rows (Kane and Nelson)
        ``count_sketch``  the same with s = 1
        ``achlioptas``    :math:`\pm\sqrt{3/k}` with probability 1/6 each, else 0
        ``very_sparse``   :math:`\pm 1/\sqrt{pk}` with probability p/2 each, else 0 (Li)
        ``rademacher``    :math:`\pm 1/\sqrt k`
        ``gaussian``      independent normal numbers of variance 1/k
        ``srht``          rows of the Hadamard matrix of :math:`2^m \ge \max(d, k)` rows, without
                          replacement, with random signs of the features
        ``haar``          k rows of a uniform orthogonal matrix, times :math:`\sqrt{d/k}`
        ================  ====================================================================
    d : int
        Features, 1 or more.
    k : int
        Dimensions of the result, 1 or more; above d, which ``haar`` does not allow, nothing is
        gained.
    seed : int
        From 0 to 2^64 - 1.
    s : int, optional
        Of ``sparse_jl``, from 1 to k; 8 by default (k, if that is less).
    density : float, optional
        p of ``very_sparse``, from 1e-6 to 1; :math:`1/\sqrt d` by default.
    dtype : {float32, float64}
        Of the vectors that are mapped, and of the results.

    Attributes
    ----------
    kind, d, k, seed, s, density, dtype
        As given; `s` and `density` are None for kinds without them.
    scale : float
        The factor of the entries: every nonzero of a sparse kind is +scale or -scale.

    Raises
    ------
    TypeError
        A size or seed that is not an integer, a density that is no number, another dtype; `s` or
        `density` for a kind that has none.
    ValueError
        An unknown kind, or a number out of its range.

    Warns
    -----
    UserWarning
        k is above d.

    Notes
    -----
    The variance of :math:`|Rx|^2`, for :math:`|x| = 1` and :math:`q = \sum_j x_j^4`: 2/k for
    ``gaussian``; :math:`(2 + (1/p - 3) q)/k` for independent entries of density p, which for
    ``very_sparse`` may be large where q is; :math:`2 (1 - q)/k` for ``rademacher`` and, where s
    divides k, for ``sparse_jl`` and ``count_sketch`` whatever s.

    Growing k keeps the rows, up to the factor. Exceptions: ``count_sketch``, where a feature has
    one nonzero whatever k is; ``sparse_jl``, where the first rows are kept if s grows with k and
    k/s is the same whole number; ``srht``, where they are kept as long as the power of two is.

    Sparse kinds add the terms of a sum in the order of the features: the result is the same bits
    for any cut of the rows or the features, and on every instruction set. For the others it is the
    same for any cut of the rows and any number of threads. ``haar`` holds the map during a call.

    References
    ----------
    D. M. Kane, J. Nelson, "Sparser Johnson-Lindenstrauss transforms", J. ACM 61 (2014). M.
    Charikar, K. Chen, M. Farach-Colton, "Finding frequent items in data streams", ICALP 2002. D.
    Achlioptas, "Database-friendly random projections", J. Comput. Syst. Sci. 66 (2003), 671-687. P.
    Li, T. J. Hastie, K. W. Church, "Very sparse random projections", KDD 2006. J. A. Tropp,
    "Improved analysis of the subsampled randomized Hadamard transform", Adv. Adapt. Data Anal. 3
    (2011), 115-126.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.projection import Sketch
    >>> sketch = Sketch("sparse_jl", 10_000, 500, seed=1)
    >>> x = np.ones((2, 10_000))
    >>> y = sketch.apply(x)
    >>> y.shape, bool(abs(np.sum(y[0] ** 2) / 10_000 - 1) < 0.2)
    ((2, 500), True)
    """

    __slots__ = ()

    def __init__(
        self,
        kind: str,
        d: int,
        k: int,
        *,
        seed: int = 0,
        s: int | None = None,
        density: float | None = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        super().__init__(kind, d, k, seed=seed, s=s, density=density, dtype=dtype)
        warn_of_dimension("Sketch: k", self.k, self.d, UserWarning, 2)

    def apply(self, x: Any, *, out: Any = None) -> Any:
        """Map rows: :math:`x R^T`.

        Parameters
        ----------
        x : array_like, shape (..., d), or sparse matrix, shape (n, d)
            Rows of the sketch's dtype. SciPy's CSR and CSC formats are read as they are, with
            indices of 32 or 64 bits in any order; entries with the same index add up.
        out : ndarray, optional
            Where the result goes: exact shape and dtype; it must not overlap `x`.

        Returns
        -------
        ndarray, shape (..., k)
            Dense, also for sparse `x`; or `out`. NaN or infinity stays in its row.

        Raises
        ------
        TypeError
            Another dtype than the sketch's, or a sparse format other than CSR and CSC.
        ValueError
            Rows of another length, sparse indices out of range.
        """
        name = "Sketch.apply"
        if is_sparse(x):
            return self._apply_sparse(name, take_sparse(name, "x", x, self.dtype), None, out)
        x = self._rows(name, "x", x, self.d)
        target = self._output(name, out, (*x.shape[:-1], self.k))
        self._core.apply(x, target)
        return target if out is None else out

    def adjoint(self, y: Any, *, out: Any = None) -> Any:
        """Map rows back by the transposed map: :math:`y R`.

        :math:`E[R^T R]` is the identity, so that ``adjoint(apply(x))`` is x on average.

        Parameters
        ----------
        y : array_like, shape (..., k)
            Rows of the sketch's dtype.
        out : ndarray, optional
            Where the result goes: exact shape and dtype; it must not overlap `y`.

        Returns
        -------
        ndarray, shape (..., d)
            The rows, or `out`.

        Raises
        ------
        TypeError, ValueError
            As :meth:`apply`.
        """
        name = "Sketch.adjoint"
        y = self._rows(name, "y", y, self.k)
        target = self._output(name, out, (*y.shape[:-1], self.d))
        self._core.adjoint(y, target)
        return target if out is None else out

    def accumulate(self, x_columns: Any, start: int, out: Any) -> Any:
        """Add what some columns of x contribute to :math:`x R^T`.

        From zeros, column blocks in ascending order add up to ``apply(x)``: to the same bits for
        the sparse kinds; also for ``gaussian``, ``rademacher`` and ``haar`` where every block
        begins at a multiple of 128; up to rounding otherwise.

        Parameters
        ----------
        x_columns : array_like, shape (..., n), or sparse matrix, shape (rows, n)
            Columns start, start + 1, ..., start + n - 1 of x.
        start : int
            The feature that the first of them is.
        out : ndarray, shape (..., k)
            What is added to.

        Returns
        -------
        ndarray
            `out`.

        Raises
        ------
        TypeError, ValueError
            As :meth:`apply`; columns beyond d.
        """
        name = "Sketch.accumulate"
        if is_sparse(x_columns):
            sparse = take_sparse(name, "x_columns", x_columns, self.dtype)
            begin = self._start(name, start, sparse.shape[1])
            return self._apply_sparse(name, sparse, begin, out)
        columns = self._rows(name, "x_columns", x_columns, None)
        begin = self._start(name, start, columns.shape[-1])
        target = take_output(name, "out", out, (*columns.shape[:-1], self.k), self.dtype)
        self._core.accumulate(columns, begin, target)
        return out

    def matrix(self, rows: Any = None, cols: Any = None) -> Array:
        """Return R, or the asked rows and columns of it.

        Parameters
        ----------
        rows, cols : slice, int or array_like of int, optional
            All by default; negative indices count from the end.

        Returns
        -------
        ndarray, shape (rows, cols)
            A matrix also for a single row or column.

        Raises
        ------
        IndexError
            Indices out of range.
        """
        i, j = indices("rows", rows, self.k), indices("cols", cols, self.d)
        out = empty((len(i), len(j)), self.dtype)
        self._core.matrix(i, j, out)
        return out

    def to_csr(self) -> Any:
        """Return R of a sparse kind as a SciPy array in compressed rows; needs SciPy.

        Raises
        ------
        ValueError
            For the other kinds, whose :meth:`matrix` is dense.
        """
        if self.kind not in SPARSE_KINDS:
            raise ValueError(
                f"Sketch.to_csr: the map is {self.kind!r}, expected one of "
                f"{', '.join(map(repr, SPARSE_KINDS))}; matrix() gives it dense"
            )
        try:
            from scipy.sparse import csr_array
        except ImportError:
            raise ImportError("Sketch.to_csr needs SciPy: pip install scipy") from None
        parts = self._core.to_csr(self.dtype == np.float32)
        return csr_array(parts, shape=(self.k, self.d))

    def _apply_sparse(self, name: str, x: SparseInput, start: int | None, out: Any) -> Any:
        rows, columns = x.shape
        if start is None and columns != self.d:
            raise ValueError(f"{name}: x has shape {x.shape}, expected (n, {self.d})")
        shape = (rows, self.k)
        if start is None:
            target = self._output(name, out, shape)
        else:
            target = take_output(name, "out", out, shape, self.dtype)
        self._core.sparse(
            x.by_column, rows, columns, x.values, x.indices, x.starts,
            -1 if start is None else start, target,
        )  # fmt: skip
        return target if out is None else out

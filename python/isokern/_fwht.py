# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The Walsh-Hadamard transform."""

from __future__ import annotations

import operator
from typing import Any

from isokern import _core
from isokern._arrays import empty, take, take_output


def fwht(x: Any, *, axis: int = -1, normalize: bool = False, out: Any = None) -> Any:
    r"""Multiply by the Hadamard matrix along an axis: the Walsh-Hadamard transform.

    :math:`y_i = \sum_j (-1)^{|i \wedge j|} x_j`, where :math:`|i \wedge j|` is the number of bits
    that i and j have in common (the natural, or Hadamard, order of rows).

    Parameters
    ----------
    x : array_like
        float32 or float64; integers become float64. Along `axis` a power of two long, from 1 to
        2^24.
    axis : int
        The axis to transform; the others are a batch.
    normalize : bool
        Divide by the square root of the length: the matrix is then orthogonal and its own inverse.
    out : ndarray, optional
        Where the result goes: exact shape and dtype. It may be `x` itself and must otherwise not
        overlap it.

    Returns
    -------
    ndarray, shape as x
        The transform, or `out`. NaN or infinity stays in its row.

    Raises
    ------
    TypeError
        Another dtype, or an axis that is no integer.
    ValueError
        A length that is not a power of two, or an axis that `x` does not have.

    Notes
    -----
    n log2 n additions in log2(n)/4 passes over a row that lies in the cache. Stages go from the
    lowest bit of the index to the highest: the result is the same bits on every instruction set and
    any number of threads.

    References
    ----------
    B. J. Fino, V. R. Algazi, "Unified matrix treatment of the fast Walsh-Hadamard transform", IEEE
    Trans. Comput. C-25 (1976), 1142-1146.

    Examples
    --------
    >>> from isokern.projection import fwht
    >>> fwht([1.0, 2.0, 3.0, 4.0])
    array([10., -2., -4.,  0.])
    """
    name = "fwht"
    x = take(name, "x", x)
    try:
        index = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis is {axis!r}, expected an integer") from None
    if not -x.ndim <= index < x.ndim:
        raise ValueError(
            f"{name}: axis is {axis}, expected an axis of x, which has shape {x.shape}"
        )
    index %= x.ndim
    n = x.shape[index]
    if n < 1 or n & (n - 1) or n > 1 << 24:
        raise ValueError(
            f"{name}: x has {n} numbers along axis {axis}, expected a power of two up to 2^24"
        )
    target = (
        empty(x.shape, x.dtype) if out is None else take_output(name, "out", out, x.shape, x.dtype)
    )
    _core.fwht(x, index, bool(normalize), target)
    return target if out is None else out

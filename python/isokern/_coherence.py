# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The largest cosine of given rows, and what it can't be less than."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern._arrays import take
from isokern._special import unwrap, whole_numbers

__all__ = ["coherence", "welch_bound"]

_BLOCK = 1024


def welch_bound(n: Any, d: Any) -> Any:
    r"""Return a lower bound on the largest \|cos\| among any n unit vectors.

    Parameters
    ----------
    n, d : int or array_like
        The number of vectors and the dimension, 1 or more.

    Returns
    -------
    float or ndarray
        :math:`\sqrt{(n - d) / (d (n - 1))}`, 0 for n <= d.

    References
    ----------
    L. R. Welch, "Lower bounds on the maximum cross correlation of signals", IEEE Trans. Inf. Theory
    20 (1974).

    Examples
    --------
    >>> from isokern.projection import welch_bound
    >>> welch_bound(10, 5)
    0.3333333333333333
    """
    name = "welch_bound"
    points, dims = whole_numbers(name, "n", n), whole_numbers(name, "d", d)
    return unwrap(np.sqrt(np.maximum(points - dims, 0) / (dims * np.maximum(points - 1, 1))))


def coherence(x: Any, *, return_pair: bool = False) -> Any:
    r"""Return the largest \|cos\| between two of the given rows.

    Parameters
    ----------
    x : array_like, shape (n, d)
        The rows; none zero, all finite.
    return_pair : bool
        Return the two rows as well.

    Returns
    -------
    float
        0 for fewer than two rows.
    pair : tuple of int
        The first pair that has it, with `return_pair`; None for fewer than two rows.

    Raises
    ------
    TypeError
        A dtype other than float32, float64 or integers.
    ValueError
        An array of other than two axes; a zero or non-finite row.

    Notes
    -----
    Rows are compared in blocks, in the dtype of x: memory for the normalised rows and one block of
    cosines, never for all n^2. The cosine of the pair that is found is computed again in float64.

    Examples
    --------
    >>> from isokern.projection import coherence
    >>> round(coherence([[1.0, 0.0], [1.0, 1.0], [-2.0, 0.1]]), 4)
    0.9988
    """
    name = "coherence"
    x = take(name, "x", x)
    if x.ndim != 2:
        raise ValueError(f"{name}: x has shape {x.shape}, expected (n, d)")
    # Scaled by the largest entry first: squares of large or small numbers leave the range.
    largest = np.max(np.abs(x), axis=1, initial=0)
    bad = ~(np.isfinite(largest) & (largest > 0))
    if np.any(bad):
        row = int(np.argmax(bad))
        what = "zero" if largest[row] == 0 else "not finite"
        raise ValueError(f"{name}: x has a row that is {what}, row {row}")
    unit = x / largest[:, None]
    unit /= np.sqrt(np.einsum("ij,ij->i", unit, unit, dtype=np.float64))[:, None].astype(x.dtype)
    best, pair = -1.0, None
    for start in range(0, len(x), _BLOCK):
        rows = unit[start : start + _BLOCK]
        for other in range(start, len(x), _BLOCK):
            cosines = np.abs(rows @ unit[other : other + _BLOCK].T)
            if other == start:
                cosines[np.tril_indices(len(cosines))] = -1
            place = int(np.argmax(cosines))
            value = float(cosines.flat[place])
            if value > best:
                i, j = divmod(place, cosines.shape[1])
                best, pair = value, (start + i, other + j)
    if pair is None:
        return (0.0, None) if return_pair else 0.0
    u, v = (x[row].astype(np.float64) / largest[row] for row in pair)
    value = min(1.0, float(abs(u @ v) / np.sqrt((u @ u) * (v @ v))))
    return (value, pair) if return_pair else value

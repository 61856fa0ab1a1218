# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Functions of the eigenvalues of symmetric matrices, by the eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["trace_root"]


def trace_root(a: Any) -> Any:
    """Tr A^(1/2) and tr A^-1 of a symmetric positive definite A (d, d), as an array (2,).

    Of A the lower triangle is read. NaN where A is not positive definite or not finite, or where
    its condition, the largest eigenvalue by the smallest, is above 1e7.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.reference import spectrum
    >>> spectrum.trace_root(np.diag([1.0, 4.0]))
    array([3.  , 1.25])
    """
    lower = np.tril(np.asarray(a, dtype=np.float64))
    if not np.all(np.isfinite(lower)):
        return np.full(2, np.nan)
    if lower.size == 0:
        return np.zeros(2)
    scale = np.max(np.abs(lower))
    if scale == 0:
        return np.full(2, np.nan)
    # NumPy's eigenvalues read the lower triangle, too; scaled, none over- or underflows.
    values = np.linalg.eigvalsh(lower / scale)
    if not values[0] > values[-1] * 1e-7:
        return np.full(2, np.nan)
    return np.array([np.sum(np.sqrt(values)) * np.sqrt(scale), np.sum(1 / values) / scale])

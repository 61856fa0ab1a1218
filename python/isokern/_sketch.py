# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps from many dimensions to few, defined by a seed and never stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern._arrays import Array
from isokern.reference import projection as definition

KINDS = definition.KINDS


class Sketch(definition.Sketch):
    """A random map R from d to k dimensions with E|Rx|^2 = |x|^2."""

    def apply(self, x: Any, *, out: Any = None) -> Any:
        """Return x R^T."""
        y = super().apply(x.toarray() if hasattr(x, "toarray") else x)
        return y if out is None else _into(out, y)

    def adjoint(self, y: Any, *, out: Any = None) -> Any:
        """Return y R."""
        x = super().adjoint(y)
        return x if out is None else _into(out, x)

    def to_csr(self) -> Any:
        """Return R as a SciPy array."""
        from scipy.sparse import csr_array

        return csr_array(super().to_csr(), shape=(self.k, self.d))


def fwht(x: Any, *, axis: int = -1, normalize: bool = False, out: Any = None) -> Any:
    """Walsh-Hadamard transform."""
    y = definition.fwht(x, axis=axis, normalize=normalize)
    return y if out is None else _into(out, y)


def _into(out: Array, values: Array) -> Array:
    np.copyto(out, values)
    return out

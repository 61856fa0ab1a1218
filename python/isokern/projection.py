# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random projections that keep distances: maps, their theory, scikit-learn transformers.

A map R, shape (k, d), is a function of its kind, d, k and a seed. ``Sketch(...).apply(x)`` is ``x
R^T``, and no map is stored. The theory needs SciPy, the transformers scikit-learn; neither is
imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isokern._coherence import coherence, welch_bound
from isokern._cosines import (
    cosine_capacity,
    cosine_mean,
    cosine_pdf,
    cosine_quantile,
    cosine_tail,
    expected_coherence,
)
from isokern._distortion import distortion
from isokern._distortion_report import Distortion
from isokern._fwht import fwht
from isokern._projection_theory import capacity, failure_probability, max_eps, min_dim
from isokern._sketch import KINDS, Sketch
from isokern._sparsity import SparsityWarning, min_sparsity

if TYPE_CHECKING:
    from isokern._projection_estimators import (
        CountSketch,
        GaussianProjection,
        HadamardProjection,
        RademacherProjection,
        SparseJL,
    )

_ESTIMATORS = (
    "CountSketch",
    "GaussianProjection",
    "HadamardProjection",
    "RademacherProjection",
    "SparseJL",
)

__all__ = [
    "KINDS",
    "CountSketch",
    "Distortion",
    "GaussianProjection",
    "HadamardProjection",
    "RademacherProjection",
    "Sketch",
    "SparseJL",
    "SparsityWarning",
    "capacity",
    "coherence",
    "cosine_capacity",
    "cosine_mean",
    "cosine_pdf",
    "cosine_quantile",
    "cosine_tail",
    "distortion",
    "expected_coherence",
    "failure_probability",
    "fwht",
    "max_eps",
    "min_dim",
    "min_sparsity",
    "welch_bound",
]


def __getattr__(name: str) -> Any:
    if name in _ESTIMATORS:
        try:
            from isokern import _projection_estimators
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("sklearn", "scipy", "joblib"):
                raise
            raise ImportError(
                f'isokern.projection.{name} needs scikit-learn: pip install "isokern[sklearn]"'
            ) from None
        return getattr(_projection_estimators, name)
    raise AttributeError(f"module 'isokern.projection' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ESTIMATORS])

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random projections that keep distances: maps, their theory, scikit-learn transformers.

A map R, shape (k, d), is a function of its kind, d, k and a seed. ``Sketch(...).apply(x)`` is ``x
R^T``, and no map is stored.
"""

from __future__ import annotations

from isokern._sketch import KINDS, Sketch, fwht

__all__ = ["KINDS", "Sketch", "fwht"]

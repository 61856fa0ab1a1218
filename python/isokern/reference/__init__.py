# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The definitions: every function of the library once more, in plain NumPy.

They compute in the widest floating type NumPy has (``numpy.longdouble``) and round once to the
dtype of the input, so that what a kernel returns can be held against them. They are written to be
read, not to be fast, and know no ``out=``.
"""

from isokern.reference import gaussian, orthogonal, projection, random, rope, spectrum

__all__ = ["gaussian", "orthogonal", "projection", "random", "rope", "spectrum"]

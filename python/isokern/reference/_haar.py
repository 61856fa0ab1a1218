# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random orthogonal matrices of the uniform (Haar) distribution, as products of reflectors.

The reflector of a Gaussian vector in d dimensions, then one in d - 1, and so on, with the signs of
the diagonal that the factorisation of a Gaussian matrix would have: Stewart, "The efficient
generation of random orthogonal matrices", SIAM J. Numer. Anal. 17 (1980); Mezzadri, "How to
generate random matrices from the classical compact groups", Notices AMS 54 (2007).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from isokern.reference._qr import house
from isokern.reference._reflectors import reflect_columns
from isokern.reference._tools import Array, Like, Wide
from isokern.reference.random import normals

HAAR_STREAM = 1 << 48


def haar(
    d: int,
    size: int | tuple[int, ...] | None = None,
    *,
    k: int | None = None,
    special: bool = False,
    seed: int = 0,
    dtype: Any = np.float64,
) -> Array:
    """Draw orthogonal matrices, or their first k columns.

    Row j of d x d standard normals, from the diagonal on, makes reflector H_j, which takes it to
    ``beta_j e_j``; ``Q = H_0 H_1 ... D`` with ``D_j = sign(beta_j)``. Item s of `size` has the
    normals of stream ``HAAR_STREAM + s``, rounded to `dtype`.

    Parameters
    ----------
    d : int
    size : int or tuple of int, optional
    k : int, optional
        Default d.
    special : bool
        Choose the last of D so that det Q = 1; no effect for k < d.
    seed : int
        0 to 2^64 - 1.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    ndarray, shape size + (d, k)
    """
    kind = _check("haar", d, seed, dtype)
    k = d if k is None else _integer("haar", "k", k)
    if not 0 <= k <= d:
        raise ValueError(f"haar: k is {k}, expected 0 to {d}")
    given = () if size is None else size if isinstance(size, tuple) else (size,)
    shape = [_integer("haar", "size", n) for n in given]
    if any(n < 0 for n in shape):
        raise ValueError(f"haar: size is {size}, expected no negative number")
    v, tau, signs = _draw(d, k, int(np.prod(shape)), special, seed, kind)
    q = np.broadcast_to(np.eye(d, k, dtype=np.longdouble), (len(v), d, k))
    for j in reversed(range(k)):
        q = reflect_columns(v[..., j, None], tau[..., j, None, None], q)
    return (q * signs[..., None, :]).reshape(*shape, d, k).astype(kind)


class HaarRotation:
    """The matrix ``haar(d, special=special, seed=seed, dtype=dtype)`` as its reflectors."""

    def __init__(
        self, d: int, *, special: bool = False, seed: int = 0, dtype: Any = np.float64
    ) -> None:
        self.dtype = _check("HaarRotation", d, seed, dtype)
        self.d, self.special, self.seed = d, special, seed
        v, tau, signs = _draw(d, d, 1, special, seed, self.dtype)
        self._v, self._tau, self._signs = v[0], tau[0], signs[0]

    def apply(self, x: Like, *, transpose: bool = False) -> Array:
        """Apply the matrix, or its transpose, to each vector x, shape (..., d)."""
        x = np.asarray(x)
        x = x.astype(np.float64) if x.dtype.kind in "iu" else x
        if x.dtype != self.dtype:
            raise TypeError(f"HaarRotation.apply: x has dtype {x.dtype}, expected {self.dtype}")
        if x.shape[-1:] != (self.d,):
            raise ValueError(f"HaarRotation.apply: x has shape {x.shape}, expected (..., {self.d})")
        y = x.astype(np.longdouble)[..., None]
        steps = range(self.d)
        y = y if transpose else y * self._signs[:, None]
        for j in steps if transpose else reversed(steps):
            y = reflect_columns(self._v[:, j, None], self._tau[j], y)
        y = y * self._signs[:, None] if transpose else y
        rounded: Array = y[..., 0].astype(self.dtype)
        return rounded

    def matrix(self) -> Array:
        """Return the matrix, shape (d, d)."""
        return haar(self.d, special=self.special, seed=self.seed, dtype=self.dtype)


def _draw(
    d: int, k: int, count: int, special: bool, seed: int, dtype: np.dtype[Any]
) -> tuple[Wide, Wide, Wide]:
    """Return the reflectors (count, d, k), tau and D (count, k)."""
    rows = [normals(seed, HAAR_STREAM + item, 0, k * d) for item in range(count)]
    x = np.array(rows).reshape(count, k, d).astype(dtype).astype(np.longdouble)
    v = np.zeros((count, d, k), np.longdouble)
    tau = np.zeros((count, k), np.longdouble)
    signs = np.ones((count, k), np.longdouble)
    for j in range(k):
        v[:, j:, j], tau[:, j], beta = house(x[:, j, j:])
        signs[:, j] = np.copysign(1, beta)
    if special and k == d:
        signs[:, -1] = np.prod(-signs[:, :-1], axis=-1)  # each reflector before it has det -1
    return v, tau, signs


def _integer(function: str, name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{function}: {name} is {value!r}, expected an integer") from None


def _check(function: str, d: int, seed: int, dtype: Any) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise TypeError(f"{function}: dtype is {kind}, expected float32 or float64")
    d, seed = _integer(function, "d", d), _integer(function, "seed", seed)
    if d < 1:
        raise ValueError(f"{function}: d is {d}, expected at least 1")
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"{function}: seed is {seed}, expected 0 to 2^64 - 1")
    return kind

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random orthogonal matrices with the Haar distribution, formed or applied in factored form."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from isokern import _core
from isokern._arrays import Array, empty, take, take_output
from isokern._vectors import length, rows


def _integer(name: str, argument: str, value: Any, low: int, high: int | None = None) -> int:
    text = f"an integer of {low} or more" if high is None else f"an integer from {low} to {high}"
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {argument} is {value!r}, expected {text}") from None
    if isinstance(value, bool):
        raise TypeError(f"{name}: {argument} is {value!r}, expected {text}")
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name}: {argument} is {value!r}, expected {text}")
    return number


def _dtype(name: str, dtype: DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"{name}: dtype is {kind}, expected float32 or float64")
    return kind


def haar(
    d: int,
    size: int | tuple[int, ...] | None = None,
    *,
    k: int | None = None,
    special: bool = False,
    seed: int = 0,
    dtype: DTypeLike = np.float64,
) -> Array:
    r"""Draw orthogonal matrices from the Haar distribution, the uniform one.

    Parameters
    ----------
    d : int
        The dimension, 1 or more.
    size : int or tuple of int, optional
        How many; one matrix without axes before it by default.
    k : int, optional
        The number of columns: the distribution is then that of k orthonormal vectors (the Stiefel
        manifold), and the result the first k columns of the matrix with all d.
    special : bool
        Rotations only, of determinant 1 (with all d columns).
    seed : int
        From 0 to 2^64 - 1. The matrices are a function of seed and d alone: matrix s of `size` is
        the same at every size, on any number of threads, and in C++; on another instruction set it
        may differ by rounding.
    dtype : {float32, float64}
        The random numbers behind both are the same, up to rounding.

    Returns
    -------
    ndarray, shape size + (d, k)
        Orthonormal columns.

    Raises
    ------
    TypeError
        A size or seed that is not an integer, or another dtype.
    ValueError
        A number out of its range.

    Notes
    -----
    The product of random reflectors of d, d - 1, ... numbers and of random signs: half as many
    normal numbers as the QR factorisation of a normal matrix takes, and no factorisation. Fewer
    than d - 1 reflectors, with all d columns, would not be Haar.

    References
    ----------
    G. W. Stewart, "The efficient generation of random orthogonal matrices with an application to
    condition estimators", SIAM J. Numer. Anal. 17 (1980), 403-409. F. Mezzadri, "How to generate
    random matrices from the classical compact groups", Notices AMS 54 (2007), 592-604.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.orthogonal import haar
    >>> q = haar(3, special=True, seed=1)
    >>> bool(np.allclose(q @ q.T, np.eye(3))), round(float(np.linalg.det(q)), 12)
    (True, 1.0)
    """
    name = "haar"
    d = _integer(name, "d", d, 1)
    columns = d if k is None else _integer(name, "k", k, 0, d)
    seed = _integer(name, "seed", seed, 0, 2**64 - 1)
    batch: tuple[int, ...] = ()
    if size is not None:
        sizes = size if isinstance(size, (tuple, list)) else (size,)
        batch = tuple(_integer(name, "size", extent, 0) for extent in sizes)
    out = empty((*batch, d, columns), _dtype(name, dtype))
    _core.haar(seed, bool(special), out)
    return out


class HaarRotation:
    r"""The first matrix of :func:`haar`, applied as a product of reflectors and never held.

    Each call draws the reflectors again, 64 at a time, from the counter-based generator: memory for
    64 d numbers, time for d^2/2 normal numbers and 2 d^2 operations a vector, as many as a product
    with the matrix takes. For few vectors and many calls, the matrix itself is the better choice.

    Parameters
    ----------
    d : int
        The dimension, 1 or more.
    special : bool
        A rotation, of determinant 1.
    seed : int
        From 0 to 2^64 - 1.
    dtype : {float32, float64}
        Of the vectors it is applied to.

    Attributes
    ----------
    d, special, seed, dtype
        As given.

    Raises
    ------
    TypeError, ValueError
        As :func:`haar`.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern.orthogonal import HaarRotation, haar
    >>> rotation = HaarRotation(5, seed=3)
    >>> x = np.arange(5.0)
    >>> bool(np.allclose(rotation.apply(x), haar(5, seed=3) @ x))
    True
    """

    def __init__(
        self, d: int, *, special: bool = False, seed: int = 0, dtype: DTypeLike = np.float64
    ) -> None:
        name = "HaarRotation"
        self.d = _integer(name, "d", d, 1)
        self.special = bool(special)
        self.seed = _integer(name, "seed", seed, 0, 2**64 - 1)
        self.dtype = _dtype(name, dtype)

    def __repr__(self) -> str:
        return (
            f"HaarRotation({self.d}, special={self.special}, seed={self.seed}, "
            f"dtype={self.dtype.name})"
        )

    def apply(self, x: Any, *, transpose: bool = False, out: Any = None) -> Any:
        """Map vectors.

        Parameters
        ----------
        x : array_like, shape (..., d)
            The vectors, of the rotation's dtype.
        transpose : bool
            Apply the inverse.
        out : ndarray, optional
            Where the result goes: exact shape and dtype. It may be `x` itself and must otherwise
            not overlap it.

        Returns
        -------
        ndarray, shape (..., d)
            :math:`Q x` (or :math:`Q^T x`) for each vector, or `out`.

        Raises
        ------
        TypeError
            A dtype other than the rotation's.
        ValueError
            Vectors of another length.
        """
        name = "HaarRotation.apply"
        x = take(name, "x", x)
        rows(name, "x", x)
        if x.dtype != self.dtype:
            raise TypeError(f"{name}: x has dtype {x.dtype}, expected {self.dtype}")
        if length(name, x) != self.d:
            raise ValueError(f"{name}: x has shape {x.shape}, expected (..., {self.d})")
        shape = x.shape
        target = (
            empty(shape, x.dtype) if out is None else take_output(name, "out", out, shape, x.dtype)
        )
        _core.haar_apply(self.seed, self.special, bool(transpose), x, target)
        return target if out is None else out

    def matrix(self) -> Array:
        """Return the matrix, ``haar(d, special=special, seed=seed, dtype=dtype)``."""
        return haar(self.d, special=self.special, seed=self.seed, dtype=self.dtype)

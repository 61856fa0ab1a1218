# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The counter-based random generator Philox4x32-10, word for word, and normal numbers of it.

Sources: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; Box,
Muller, "A note on the generation of random normal deviates", Ann. Math. Stat. 29 (1958).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["normals", "philox4x32"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))  # golden ratio and sqrt(3) - 1


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Turn counters into random words: ten rounds of a keyed bijection.

    One round takes ``(x0, x1, x2, x3)`` to
    ``(hi(M1 x2) ^ x1 ^ k0, lo(M1 x2), hi(M0 x0) ^ x3 ^ k1, lo(M0 x0))``
    with the high and low words of 64-bit products; between rounds the key grows by the two Weyl
    constants modulo 2^32.

    Parameters
    ----------
    counter : array_like of uint32, shape (..., 4)
        Least significant word first.
    key : array_like of uint32, shape (..., 2)
        Broadcasts against the leading axes of `counter`.

    Returns
    -------
    ndarray of uint32, shape (..., 4)
    """
    # 64-bit arithmetic keeps the whole 32 x 32-bit products.
    words = np.asarray(counter, dtype=np.uint32).astype(np.uint64)
    keys = np.asarray(key, dtype=np.uint32).astype(np.uint64)
    if words.shape[-1:] != (4,):
        raise ValueError(f"philox4x32: counter has shape {words.shape}, expected (..., 4)")
    if keys.shape[-1:] != (2,):
        raise ValueError(f"philox4x32: key has shape {keys.shape}, expected (..., 2)")
    x0, x1, x2, x3 = np.moveaxis(words, -1, 0)
    k0, k1 = np.moveaxis(keys, -1, 0)
    for _ in range(10):
        product0, product1 = _MULTIPLIER[0] * x0, _MULTIPLIER[1] * x2
        x0, x1, x2, x3 = (
            (product1 >> _HALF) ^ x1 ^ k0,
            product1 & _LOW,
            (product0 >> _HALF) ^ x3 ^ k1,
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return np.stack([x0, x1, x2, x3], axis=-1).astype(np.uint32)


def normals(seed: int, stream: int, first: int, n: int) -> NDArray[np.float64]:
    """Return standard normal numbers ``first`` to ``first + n - 1`` of a stream.

    Block b of the stream (counter ``(b, stream)``, key `seed`, low words first) has words w0 to w3
    and makes the numbers 2b and 2b + 1: with ``u = (w0 + 2^32 w1) >> 12``, ``t = (w2 + 2^32 w3) >>
    12``, ``U = 1 - u 2^-52`` (never zero) and ``T = t 2^-52`` they are ``r cos(2 pi T)`` and ``r
    sin(2 pi T)``, ``r = sqrt(-2 ln U)``.

    Parameters
    ----------
    seed, stream : int
        0 to 2^64 - 1.
    first, n : int
        Not negative.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    low = 0xFFFFFFFF
    blocks = range(first // 2, (first + n + 1) // 2)
    counter = np.array([[b & low, b >> 32, stream & low, stream >> 32] for b in blocks], np.uint32)
    words = philox4x32(counter.reshape(-1, 4), np.array([seed & low, seed >> 32], np.uint32))
    w0, w1, w2, w3 = words.astype(np.uint64).T
    unit = np.longdouble(2) ** -52
    u = 1 - ((w0 + (w1 << _HALF)) >> np.uint64(12)) * unit
    t = ((w2 + (w3 << _HALF)) >> np.uint64(12)) * unit
    pairs = np.sqrt(-2 * np.log(u))[:, None] * np.stack(_of_turns(t), axis=-1)
    rounded: NDArray[np.float64] = pairs.reshape(-1)[first % 2 :][:n].astype(np.float64)
    return rounded


def _of_turns(t: NDArray[np.longdouble]) -> tuple[NDArray[np.longdouble], NDArray[np.longdouble]]:
    """Return ``cos(2 pi t)`` and ``sin(2 pi t)``, with all digits of the small ones, too.

    Whole quarters are taken off, exactly, before pi is rounded.
    """
    quarters = np.round(4 * t)
    angle = 8 * np.arctan(np.longdouble(1)) * (t - quarters / 4)
    c, s = np.cos(angle), np.sin(angle)
    which = [quarters % 4 == q for q in range(4)]
    return np.select(which, [c, -s, -c, s]), np.select(which, [s, c, -s, -c])

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary position embedding: the definition.

Pair j of a token's coordinates, ``(x1, x2)``, is turned by the angle
``theta = positions[axis[j]] * inv_freq[j]`` and scaled by m, the plan's ``attention_factor``::

    y1 = m (x1 cos(theta) - x2 sin(theta))
    y2 = m (x2 cos(theta) + x1 sin(theta))

Source: Su, Lu, Pan, Murtadha, Wen, Liu, "RoFormer: enhanced transformer with rotary position
embedding", 2021. A plan is any object with the fields of `RopePlan`. In mixed embeddings, whose
``inv_freq`` has shape (terms, heads, P), angles are sums over terms; with xPos, queries are
multiplied by exp(log_scale (p - centre)), keys by its inverse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._rope_positions import check_positions, positions_for, ragged

__all__ = ["angle_vjp", "apply", "permute_layout", "rerotate", "table", "vjp"]

_Wide = NDArray[np.longdouble]
_DTYPES = ("float16", "bfloat16", "float32", "float64")


def table(plan: Any, positions: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines and sines of a plan's angles, times its attention factor.

    Parameters
    ----------
    plan : RopePlan
    positions : array_like of int or float64, shape (..., seq), or (..., seq, axes)
        The second shape where the plan has several axes.

    Returns
    -------
    cos, sin : ndarray of float64, shape (..., seq, pairs)
    """
    cos, sin = _table(plan, check_positions("table", plan, positions))
    scale = np.longdouble(plan.attention_factor)
    return (scale * cos).astype(np.float64), (scale * sin).astype(np.float64)


def apply(
    q: ArrayLike,
    k: ArrayLike | None = None,
    *,
    plan: Any,
    positions: ArrayLike | None = None,
    offsets: ArrayLike | None = None,
    cu_seqlens: ArrayLike | None = None,
    seq_axis: int = -2,
    inverse: bool = False,
) -> Any:
    """Turn every pair of every token by its angle; with `inverse`, turn it back.

    Parameters
    ----------
    q, k : array_like, shape (..., seq, dim)
        The sequence may be at another axis than -2, see `seq_axis`.
    plan : RopePlan
    positions : array_like of int or float64, optional
        Shape (..., seq), the leading axes broadcast against the batch axes of `q` (and `k`); a last
        axis more where the plan has several axes. Default: 0, 1, 2, ...
    offsets : array_like of int, optional
        Added to the default positions; broadcasts against the batch axes.
    cu_seqlens : array_like of int, optional
        Bounds of sequences that are packed along the axis of the tokens; each counts from 0, or
        from its own entry of `offsets`.
    seq_axis : int
    inverse : bool
        Negated angle and 1/m: ``apply(apply(x), inverse=True)`` is x again.

    Returns
    -------
    ndarray, or two where `k` is given
    """
    sign, power = (-1, -1) if inverse else (1, 1)
    if cu_seqlens is not None:
        positions, offsets = ragged(cu_seqlens, offsets), None
    return _turn("apply", ("q", "k"), q, k, plan, positions, offsets, seq_axis, sign, power)


def vjp(
    cotangent_q: ArrayLike,
    cotangent_k: ArrayLike | None = None,
    *,
    plan: Any,
    positions: ArrayLike | None = None,
    offsets: ArrayLike | None = None,
    cu_seqlens: ArrayLike | None = None,
    seq_axis: int = -2,
    inverse: bool = False,
) -> Any:
    """Vector-Jacobian product of `apply`: the transposed map.

    A rotation times m has the transpose "negated angle, same m"; that of the inverse map is
    "angle, 1/m". Parameters and result are those of `apply`.
    """
    sign, power = (1, -1) if inverse else (-1, 1)
    names = ("cotangent_q", "cotangent_k")
    if cu_seqlens is not None:
        positions, offsets = ragged(cu_seqlens, offsets), None
    return _turn(
        "vjp", names, cotangent_q, cotangent_k, plan, positions, offsets, seq_axis, sign, power
    )


def angle_vjp(
    cotangent_q: ArrayLike,
    *,
    q: ArrayLike,
    plan: Any,
    positions: ArrayLike,
    inverse: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vector-Jacobian product of `apply` in the frequencies and positions.

    Parameters
    ----------
    cotangent_q, q : array_like, shape (..., seq, dim)
    plan : RopePlan
    positions : array_like
        As in `apply`, with all batch axes of `q`.
    inverse : bool

    Returns
    -------
    inv_freq_bar, positions_bar : ndarray of float64
    """
    where = check_positions("angle_vjp", plan, positions)
    x, g = (np.asarray(value).astype(np.longdouble) for value in (q, cotangent_q))
    first, second = _pairs(plan)
    cos, sin = _table(plan, where)
    sign, power = (-1, -1) if inverse else (1, 1)
    scale = (np.longdouble(plan.attention_factor) * _growth(plan, where)) ** power
    y = _rotate(x, scale * cos, sign * scale * sin, plan)
    y1, y2, g1, g2 = y[..., first], y[..., second], g[..., first], g[..., second]
    turn = sign * (g2 * y1 - g1 * y2)  # (..., seq, pairs)
    frequency, axis = _terms(plan)
    frequency_bar = np.zeros(frequency.shape, np.longdouble)
    position_bar = np.zeros(where.shape, np.longdouble)
    for term, row in enumerate(axis):
        by_pair = np.take(where, row, axis=-1) * turn
        heads = frequency.shape[1]
        kept = by_pair.reshape(-1, heads, *by_pair.shape[-2:]) if heads > 1 else by_pair
        sums = kept.sum(axis=(0, 2)) if heads > 1 else kept.reshape(-1, len(row)).sum(axis=0)
        frequency_bar[term] += sums
        own = frequency[term, 0] if heads == 1 else frequency[term][:, None, :]
        for pair, number in enumerate(row):
            position_bar[..., number] += (own * turn)[..., pair]
    if plan.log_scale is not None:
        along = power * (g1 * y1 + g2 * y2) * plan.log_scale
        for pair, number in enumerate(axis[0]):
            position_bar[..., number] += along[..., pair]
    return (
        frequency_bar.reshape(np.shape(plan.inv_freq)).astype(np.float64),
        position_bar.reshape(np.shape(positions)).astype(np.float64),
    )


def rerotate(k: ArrayLike, *, old: Any, new: Any, positions: ArrayLike) -> NDArray[Any]:
    """Keys turned by `old`, turned back and turned by `new`, in extended precision between.

    Parameters
    ----------
    k : array_like, shape (..., seq, dim)
    old, new : RopePlan
    positions : array_like
        As in `apply`.

    Returns
    -------
    ndarray
    """
    x = np.asarray(k)
    rows = x.astype(np.longdouble)
    for plan, sign in ((old, -1), (new, 1)):
        where = check_positions("rerotate", plan, positions)
        cos, sin = _table(plan, where)
        scale = (np.longdouble(plan.attention_factor) / _growth(plan, where)) ** sign
        rows = _rotate(rows, scale * cos, sign * scale * sin, plan)
    return rows.astype(x.dtype)


def permute_layout(
    w: ArrayLike,
    *,
    source: str,
    target: str,
    n_heads: int,
    rotary_dim: int | None = None,
    rotary_offset: int = 0,
) -> NDArray[Any]:
    """Rows of a projection in the order of another layout, head by head, pair by pair.

    Parameters
    ----------
    w : array_like, shape (n_heads * dim, ...)
    source, target : {"half", "interleaved"}
    n_heads, rotary_dim, rotary_offset : int

    Returns
    -------
    ndarray
    """
    array = np.asarray(w)
    result = array.copy()
    dim = len(array) // n_heads
    pairs = (dim - rotary_offset if rotary_dim is None else rotary_dim) // 2

    def rows(layout: str, pair: int) -> tuple[int, int]:
        return (pair, pair + pairs) if layout == "half" else (2 * pair, 2 * pair + 1)

    for head in range(n_heads):
        start = head * dim + rotary_offset
        for pair in range(pairs):
            for before, after in zip(rows(source, pair), rows(target, pair), strict=True):
                result[start + after] = array[start + before]
    return result


def _turn(
    function: str,
    names: tuple[str, str],
    q: ArrayLike,
    k: ArrayLike | None,
    plan: Any,
    positions: ArrayLike | None,
    offsets: ArrayLike | None,
    seq_axis: int,
    sign: int,
    power: int,
) -> Any:
    """Apply the map with the angle times `sign` and the factor m to the `power`, to q and k."""
    results: list[NDArray[Any]] = []
    for name, value in zip(names, (q, k), strict=True):
        if value is None:
            continue
        x = np.asarray(value)
        if x.dtype.kind in "iu":
            x = x.astype(np.float64)
        if x.dtype.name not in _DTYPES:
            raise TypeError(f"{function}: {name} has dtype {x.dtype}, expected one of {_DTYPES}")
        if x.ndim < 2:
            raise ValueError(f"{function}: {name} has shape {x.shape}, expected (..., seq, dim)")
        if not -x.ndim <= seq_axis < x.ndim or seq_axis % x.ndim == x.ndim - 1:
            raise ValueError(
                f"{function}: seq_axis is {seq_axis}, expected an axis of {x.shape} but the last"
            )
        rows = np.moveaxis(x, seq_axis, -2)
        if plan.rotary_offset + plan.rotary_dim > rows.shape[-1]:
            raise ValueError(
                f"{function}: {name} has shape {x.shape}, expected (..., seq, dim) with dim at "
                f"least {plan.rotary_offset + plan.rotary_dim}"
            )
        if results:
            _same(function, names, results[0], x, seq_axis)
        where = positions_for(function, plan, positions, offsets, rows.shape[:-2], rows.shape[-2])
        cos, sin = _table(plan, where)
        growth = _growth(plan, where) ** (power if name == names[0] else -power)
        scale = growth * np.longdouble(plan.attention_factor) ** power
        with np.errstate(all="ignore"):
            turned = _rotate(rows.astype(np.longdouble), scale * cos, sign * scale * sin, plan)
            results.append(np.moveaxis(turned.astype(x.dtype), -2, seq_axis))
    return results[0] if len(results) == 1 else tuple(results)


def _same(
    function: str, names: tuple[str, str], q: NDArray[Any], k: NDArray[Any], seq_axis: int
) -> None:
    """Check that keys have the queries' dtype, length and width, and heads that divide theirs."""
    if k.dtype != q.dtype:
        raise TypeError(f"{function}: {names[1]} has dtype {k.dtype}, expected {q.dtype}")
    fits = k.ndim == q.ndim and k.shape[-1] == q.shape[-1]
    fits = fits and k.shape[seq_axis] == q.shape[seq_axis]
    if not fits or any(m != n and (m == 0 or n % m) for m, n in zip(k.shape, q.shape, strict=True)):
        raise ValueError(
            f"{function}: {names[1]} has shape {k.shape}, expected that of {names[0]}, {q.shape}, "
            "or divisors of its batch axes"
        )


def _pairs(plan: Any) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Coordinates that pairs are made of."""
    pairs = plan.rotary_dim // 2
    if plan.layout == "half":  # (j, j + pairs)
        first = plan.rotary_offset + np.arange(pairs)
        return first, first + pairs
    first = plan.rotary_offset + 2 * np.arange(pairs)  # (2j, 2j + 1)
    return first, first + 1


def _rotate(x: _Wide, cos: _Wide, sin: _Wide, plan: Any) -> _Wide:
    """Turn the pairs of the rotary slice and leave the other coordinates alone."""
    first, second = _pairs(plan)
    y = x.copy()
    y[..., first] = x[..., first] * cos - x[..., second] * sin
    y[..., second] = x[..., second] * cos + x[..., first] * sin
    return y


def _table(plan: Any, positions: NDArray[np.float64]) -> tuple[_Wide, _Wide]:
    """Cosine and sine of exact products position * inv_freq, (..., seq, pairs).

    At position 2^53 the product needs 106 bits. Both factors are therefore cut into a float32 and
    its remainder; the four products of these parts are exact, the library's cosine and sine reduce
    each by the exact circle, and the addition theorem (a product of complex numbers) joins them and
    the terms of mixed embeddings. Heads, where they have frequencies of their own, are the last
    batch axis.
    """
    z = np.ones((), dtype=np.clongdouble)
    for frequency, axis in zip(*_terms(plan), strict=True):
        position = np.take(positions, axis, axis=-1)
        for p in _parts(position):
            for f in _parts(frequency[0] if len(frequency) == 1 else frequency[:, None, :]):
                angle = p * f
                z = z * (np.cos(angle) + 1j * np.sin(angle))
    return z.real, z.imag


def _terms(plan: Any) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Frequencies (terms, heads, pairs) and axes (terms, pairs)."""
    frequency = np.asarray(plan.inv_freq, dtype=np.float64)
    axis = np.asarray(plan.axis, dtype=np.intp)
    return (frequency, axis) if frequency.ndim == 3 else (frequency[None, None], axis[None])


def _growth(plan: Any, positions: NDArray[np.float64]) -> _Wide:
    """What multiplies queries, (..., seq, pairs)."""
    if plan.log_scale is None:
        return np.ones(1, dtype=np.longdouble)
    position = np.take(positions, _terms(plan)[1][0], axis=-1).astype(np.longdouble)
    growth: _Wide = np.exp(plan.log_scale * (position - np.longdouble(plan.centre)))
    return growth


def _parts(value: NDArray[np.float64]) -> tuple[_Wide, _Wide]:
    """Cut numbers of 53 bits into one of 24 bits and one of at most 29, in extended precision."""
    high = value.astype(np.float32).astype(np.float64)
    return high.astype(np.longdouble), (value - high).astype(np.longdouble)

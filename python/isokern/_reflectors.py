# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Products of Householder reflectors: applied, formed, and as compact WY."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from isokern import _core
from isokern._arrays import (
    MAX_RANK,
    Array,
    Errors,
    broadcast_batch,
    core_errors,
    empty,
    take,
    take_alike,
    take_output,
)

Side = Literal["left", "right"]
Storage = Literal["dense", "lapack"]


def choice(name: str, argument: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Check one of some words."""
    if isinstance(value, str) and value in allowed:
        return value
    words = " or ".join(repr(word) for word in allowed)
    raise ValueError(f"{name}: {argument} is {value!r}, expected {words}")


def matrix(name: str, argument: str, array: Array) -> tuple[int, ...]:
    """Check for an array of matrices, and return its batch axes."""
    if array.ndim < 2:
        raise ValueError(
            f"{name}: {argument} has shape {array.shape}, expected a matrix (..., rows, columns)"
        )
    return array.shape[:-2]


@dataclass(frozen=True)
class Reflectors:
    """The checked arguments v and tau."""

    name: str
    v: Array
    tau: Array | None
    lapack: bool
    batch: tuple[int, ...]

    @classmethod
    def of(cls, name: str, v: Array, tau: Any, storage: Any) -> Reflectors:
        """Check what is known of v and tau before x comes in."""
        lapack = choice(name, "storage", storage, ("dense", "lapack")) == "lapack"
        shapes = {"v": matrix(name, "v", v)}
        rows, k = v.shape[-2:]
        if lapack and k > rows:
            raise ValueError(
                f"{name}: v has shape {v.shape}, expected at most as many reflectors as rows "
                "in LAPACK storage"
            )
        factors = None
        if tau is not None:
            factors = take(name, "tau", tau)
            if factors.dtype != v.dtype:
                raise TypeError(f"{name}: tau has dtype {factors.dtype}, expected {v.dtype} as v")
            if factors.ndim == 0 or factors.shape[-1] != k:
                raise ValueError(
                    f"{name}: tau has shape {factors.shape}, expected (..., {k}) as v has {k} "
                    "columns"
                )
            shapes["tau"] = factors.shape[:-1]
        return cls(name, v, factors, lapack, broadcast_batch(name, **shapes))

    @property
    def rows(self) -> int:
        """The dimension m of the space."""
        return int(self.v.shape[-2])

    @property
    def count(self) -> int:
        """The number k of reflectors."""
        return int(self.v.shape[-1])

    def batch_with(self, x: Array, right: bool) -> tuple[int, ...]:
        """Check that x meets the reflectors, and return the batch axes of both."""
        batch = matrix(self.name, "x", x)
        if x.shape[-1 if right else -2] != self.rows:
            wanted = f"(..., n, {self.rows})" if right else f"(..., {self.rows}, n)"
            raise ValueError(
                f"{self.name}: x has shape {x.shape}, expected {wanted} as v has {self.rows} rows"
            )
        return broadcast_batch(self.name, v=self.batch, x=batch)

    def output(self, out: Any, batch: tuple[int, ...], shape: tuple[int, int]) -> Array:
        """Return the given output, checked, or a fresh one."""
        whole = (*batch, *shape)
        if len(whole) > MAX_RANK:
            raise ValueError(
                f"{self.name}: {len(whole)} axes together, expected at most {MAX_RANK}"
            )
        if out is None:
            return empty(whole, self.v.dtype)
        return take_output(self.name, "out", out, whole, self.v.dtype)


def apply_reflectors(
    v: Any,
    x: Any,
    *,
    tau: Any = None,
    side: Side = "left",
    transpose: bool = False,
    storage: Storage = "dense",
    errors: Errors = "raise",
    out: Any = None,
) -> Any:
    r"""Multiply by the product of reflectors :math:`Q = H_1 H_2 \cdots H_k`, which is never formed.

    :math:`H_i = I - \tau_i v_i v_i^T`, where :math:`v_i` is column i of `v`.

    Parameters
    ----------
    v : array_like, shape (..., m, k)
        The reflectors, as columns of any scale; finite, and not zero unless `tau` is given. Any
        number of them, also more than m.
    x : array_like, shape (..., m, n), or (..., n, m) with ``side="right"``
        What is mapped. NaN or infinity stays in its column (row, on the right).
    tau : array_like, shape (..., k), optional
        The factors; :math:`2/|v_i|^2` by default, for which Q is orthogonal. A factor of 0 stands
        for the identity.
    side : {"left", "right"}
        :math:`Q x`, or :math:`x Q`.
    transpose : bool
        Multiply by :math:`Q^T`.
    storage : {"dense", "lapack"}
        In LAPACK's storage :math:`v_{ii} = 1` and :math:`v_{ji} = 0` for j < i, whatever the array
        holds there; it may hold R, as geqrf leaves it. Then k is at most m.
    errors : {"raise", "nan"}
        What happens to an item of the batch whose map does not exist.
    out : ndarray, optional
        Where the result goes: exact shape and dtype. It may be `x` itself and must otherwise
        overlap no input.

    Returns
    -------
    ndarray
        The product, or `out`.

    Raises
    ------
    TypeError
        Dtypes other than float32 and float64, or different ones.
    ValueError
        Shapes that do not fit; `side` or `storage` misspelt; a zero column without `tau`; `v` or
        `tau` not finite (the message has the batch index). `out` is untouched then.

    Notes
    -----
    Blocks of up to 64 reflectors are applied at once as :math:`I - V T V^T`, by matrix products: 4
    m k operations a column. Reflectors that the batch shares are prepared once. Results do not
    depend on the number of threads.

    References
    ----------
    R. Schreiber, C. Van Loan, "A storage-efficient WY representation for products of Householder
    transformations", SIAM J. Sci. Stat. Comput. 10 (1989), 53-57. T. Joffrain et al.,
    "Accumulating Householder transformations, revisited", ACM TOMS 32 (2006), 169-179.

    Examples
    --------
    >>> from isokern.orthogonal import apply_reflectors
    >>> apply_reflectors([[1.0, 0.0], [0.0, 1.0]], [[3.0], [4.0]])  # two mirrors: half a turn
    array([[-3.],
           [-4.]])
    """
    name = "apply_reflectors"
    right = choice(name, "side", side, ("left", "right")) == "right"
    x, v = take_alike(name, x=x, v=v)
    q = Reflectors.of(name, v, tau, storage)
    target = q.output(out, q.batch_with(x, right), (x.shape[-2], x.shape[-1]))
    _core.apply_reflectors(
        v, q.tau, x, right, bool(transpose), q.lapack,
        core_errors(name, errors, fresh=out is None), target,
    )  # fmt: skip
    return target if out is None else out


def form_q(
    v: Any,
    *,
    tau: Any = None,
    thin: bool = True,
    storage: Storage = "dense",
    errors: Errors = "raise",
    out: Any = None,
) -> Any:
    r"""Form the product of reflectors as a matrix.

    Parameters
    ----------
    v, tau, storage, errors
        As for :func:`apply_reflectors`.
    thin : bool
        Only the first min(m, k) columns of Q; all m of them otherwise.
    out : ndarray, optional
        Where the result goes; it must overlap no input.

    Returns
    -------
    ndarray, shape (..., m, min(m, k)) or (..., m, m)
        The columns of :math:`Q = H_1 \cdots H_k`.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply_reflectors`.

    Examples
    --------
    >>> from isokern.orthogonal import form_q
    >>> form_q([[1.0], [1.0]], thin=False)
    array([[ 0., -1.],
           [-1.,  0.]])
    """
    name = "form_q"
    v = take(name, "v", v)
    q = Reflectors.of(name, v, tau, storage)
    columns = min(q.rows, q.count) if thin else q.rows
    target = q.output(out, q.batch, (q.rows, columns))
    _core.form_q(v, q.tau, q.lapack, core_errors(name, errors, fresh=out is None), target)
    return target if out is None else out


def compact_wy(
    v: Any,
    *,
    tau: Any = None,
    storage: Storage = "dense",
    errors: Errors = "raise",
    out: Any = None,
) -> Any:
    r"""Find the triangular factor T of :math:`H_1 \cdots H_k = I - V T V^T`.

    Parameters
    ----------
    v, tau, storage, errors
        As for :func:`apply_reflectors`.
    out : ndarray, optional
        Where the result goes; it must overlap no input.

    Returns
    -------
    ndarray, shape (..., k, k)
        Upper triangular. Where no factor is 0, its inverse is diag(1/tau) plus the part of
        :math:`V^T V` above the diagonal.

    Raises
    ------
    TypeError, ValueError
        As :func:`apply_reflectors`.

    References
    ----------
    R. Schreiber, C. Van Loan, "A storage-efficient WY representation for products of Householder
    transformations", SIAM J. Sci. Stat. Comput. 10 (1989), 53-57.

    Examples
    --------
    >>> from isokern.orthogonal import compact_wy
    >>> compact_wy([[1.0, 1.0], [0.0, 1.0]])
    array([[ 2., -2.],
           [ 0.,  1.]])
    """
    name = "compact_wy"
    v = take(name, "v", v)
    q = Reflectors.of(name, v, tau, storage)
    target = q.output(out, q.batch, (q.count, q.count))
    _core.compact_wy(v, q.tau, q.lapack, core_errors(name, errors, fresh=out is None), target)
    return target if out is None else out

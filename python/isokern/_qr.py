# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""QR factorisation by Householder reflectors, and its gradient."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from isokern import _core
from isokern._arrays import Array, empty, take
from isokern._reflectors import choice, matrix

Mode = Literal["reduced", "complete", "r", "factored"]
_MODES = ("reduced", "complete", "r", "factored")


def qr(x: Any, *, mode: Mode = "reduced") -> Any:
    r"""Factor matrices into an orthogonal and an upper triangular one.

    Parameters
    ----------
    x : array_like, shape (..., m, n)
        The matrices, of any shape and rank. One that is not finite gives NaN.
    mode : {"reduced", "complete", "r", "factored"}
        What to return; p = min(m, n).

    Returns
    -------
    q : ndarray, shape (..., m, p), or (..., m, m) where complete
        Orthonormal columns.
    r : ndarray, shape (..., p, n), or (..., m, n) where complete
        Upper triangular, :math:`x = q r`. Mode "r" returns it alone.
    v, tau, r : ndarray, shapes (..., m, p), (..., p), (..., p, n)
        Mode "factored": q as reflectors, for :func:`apply_reflectors` and :func:`form_q`. `v` has
        ones on its diagonal and zeros above, and so serves in either storage.

    Raises
    ------
    TypeError
        A dtype other than float32 and float64.
    ValueError
        Fewer than two axes, or `mode` misspelt.

    Notes
    -----
    Signs are those of LAPACK's geqrf: the diagonal of R may be negative, and a column that is zero
    below the diagonal already is not reflected. Columns are scaled by powers of two inside, so that
    no length over- or underflows. Matrices of up to 64 columns are one panel, larger ones are
    factored in panels of 32.

    References
    ----------
    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 5.2.

    Examples
    --------
    >>> from isokern.orthogonal import qr
    >>> q, r = qr([[3.0, 1.0], [4.0, 2.0]])
    >>> r.round(12)
    array([[-5. , -2.2],
           [ 0. ,  0.4]])
    """
    name = "qr"
    choice(name, "mode", mode, _MODES)
    x = take(name, "x", x)
    batch = matrix(name, "x", x)
    m, n = x.shape[-2:]
    p = min(m, n)
    r = empty((*batch, m if mode == "complete" else p, n), x.dtype)
    if mode == "factored":
        v, tau = empty((*batch, m, p), x.dtype), empty((*batch, p), x.dtype)
        _core.qr_factored(x, v, tau, r)
        return v, tau, r
    if mode == "r":
        _core.qr(x, None, r)
        return r
    q = empty((*batch, m, m if mode == "complete" else p), x.dtype)
    _core.qr(x, q, r)
    return q, r


def _square_vjp(q: Array, r: Array, q_bar: Array, r_bar: Array) -> Array:
    """Gradient of the reduced factorisation of a matrix with at least as many rows as columns."""
    inner = r @ np.swapaxes(r_bar, -1, -2) - np.swapaxes(q_bar, -1, -2) @ q
    lower = np.tril(inner, -1)
    symmetric = lower + np.swapaxes(lower, -1, -2) + np.eye(r.shape[-1]) * inner
    right = q_bar + q @ symmetric
    return np.swapaxes(np.linalg.solve(r, np.swapaxes(right, -1, -2)), -1, -2)


def qr_vjp(cotangents: Any, x: Any, *, mode: Mode = "reduced") -> Array:
    r"""Pull cotangents of :func:`qr` back to the matrices.

    Parameters
    ----------
    cotangents : tuple of array_like or None, or array_like
        The gradients of a scalar in what :func:`qr` returns in this mode, (q_bar, r_bar) or r_bar;
        None is zero.
    x : array_like, shape (..., m, n)
        As in the call of :func:`qr`; its first min(m, n) columns are linearly independent.
    mode : {"reduced", "complete", "r"}
        As in that call; "complete" with m at most n, since the other columns of q are a choice
        that has no derivative.

    Returns
    -------
    ndarray, shape (..., m, n)
        The gradient in `x`.

    Raises
    ------
    TypeError
        Different dtypes.
    ValueError
        Shapes that do not fit, or a mode that has no gradient.
    numpy.linalg.LinAlgError
        A matrix whose R is singular: no gradient exists there.

    Notes
    -----
    For m >= n, :math:`\bar x = (\bar q + q\,S) r^{-T}` with S the symmetric matrix that has the
    lower triangle of :math:`r \bar r^T - \bar q^T q`. For m < n the columns beyond the m-th follow
    q alone.

    References
    ----------
    S. F. Walter, L. Lehmann, R. Lamour, "On evaluating higher-order derivatives of the QR
    decomposition of tall matrices with full column rank in forward and reverse mode algorithmic
    differentiation", Optim. Methods Softw. 27 (2012), 391-403.
    """
    name = "qr_vjp"
    choice(name, "mode", mode, _MODES)
    x = take(name, "x", x)
    matrix(name, "x", x)
    m, n = x.shape[-2:]
    if mode == "factored":
        raise ValueError(f"{name}: mode is 'factored', expected 'reduced', whose q has a gradient")
    if mode == "complete" and m > n:
        raise ValueError(
            f"{name}: mode is 'complete' for x of shape {x.shape}: the last columns of q are a "
            "choice without a gradient, expected mode 'reduced'"
        )
    q, r = qr(x)
    given = (None, cotangents) if mode == "r" else cotangents
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(f"{name}: cotangents is not a pair, expected (q_bar, r_bar)")
    bars = []
    for argument, value, like in zip(("q_bar", "r_bar"), given, (q, r), strict=True):
        bar = np.zeros_like(like) if value is None else take(name, argument, value)
        if bar.dtype != x.dtype:
            raise TypeError(f"{name}: {argument} has dtype {bar.dtype}, expected {x.dtype}")
        if bar.shape != like.shape:
            raise ValueError(f"{name}: {argument} has shape {bar.shape}, expected {like.shape}")
        bars.append(bar.astype(np.float64))
    q, r, q_bar, r_bar = q.astype(np.float64), r.astype(np.float64), bars[0], np.triu(bars[1])
    if m >= n:
        return _square_vjp(q, r, q_bar, r_bar).astype(x.dtype)
    # x = q (r1, r2): r2 = q^T x2, so that q gets x2 r2_bar^T as well.
    rest, r_rest = x[..., m:].astype(np.float64), r_bar[..., m:]
    q_bar = q_bar + rest @ np.swapaxes(r_rest, -1, -2)
    first = _square_vjp(q, r[..., :m], q_bar, r_bar[..., :m])
    return np.concatenate((first, q @ r_rest), axis=-1).astype(x.dtype)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""One normal distribution: entropy, log-density, samples."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from isokern import _core
from isokern._arrays import Array, Errors, broadcast_batch, core_errors, take, take_alike
from isokern._gaussian_bures import factor_of
from isokern._gaussian_diag import roots
from isokern._gaussian_forms import (
    Form,
    Pair,
    check_form,
    covariance_batch,
    dimension,
    finish,
    indefinite,
    take_cov,
    to_tril,
    triangular_of_factor,
)
from isokern._gaussian_kl import LOG_2PI
from isokern._gaussian_single import half_log_det, standardised

__all__ = ["entropy", "log_prob", "sample"]


def entropy(cov: Any, *, form: Form = "cov", errors: Errors = "raise", out: Any = None) -> Any:
    """Differential entropy (d (1 + ln 2 pi) + ln det S) / 2, in nats.

    Parameters
    ----------
    cov : array_like
        The covariance in the given form.
    form, errors, out
        As in :func:`kl`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd edition, 2006, theorem 8.4.1.

    Examples
    --------
    >>> from isokern import gaussian
    >>> float(round(gaussian.entropy([1.0, 4.0], form="diag"), 6))
    3.531024
    """
    name = "entropy"
    check_form(name, form)
    mode = core_errors(name, errors, fresh=True)
    cov, kind = take_cov(name, "cov", cov, form)
    array = take(name, "cov", cov)
    d = _size(name, array, kind)
    covariance_batch(name, "cov", array, d, kind)
    value = d * (1 + LOG_2PI) / 2 + half_log_det(name, "cov", array.astype(np.float64), kind, mode)
    return finish(value, name, array.dtype, out)


def _size(function: str, cov: Array, form: str) -> int:
    axes = 1 if form == "diag" else 2
    if cov.ndim < axes or cov.shape[-axes] == 0:
        wanted = "(..., d)" if axes == 1 else "(..., d, d)"
        raise ValueError(f"{function}: cov has shape {cov.shape}, expected {wanted}")
    return int(cov.shape[-axes])


def log_prob(
    x: Any, mean: Any, cov: Any, *, form: Form = "cov", errors: Errors = "raise", out: Any = None
) -> Any:
    """Logarithm of the density at `x`, -(d ln 2 pi + ln det S + |L^-1 (x - m)|^2) / 2.

    Parameters
    ----------
    x : array_like, shape (..., d)
    mean : array_like, shape (..., d)
    cov : array_like
        The covariance in the given form.
    form, errors, out
        As in :func:`kl`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    T. W. Anderson, An Introduction to Multivariate Statistical Analysis, 3rd edition, 2003,
    section 2.3.

    Examples
    --------
    >>> from isokern import gaussian
    >>> float(round(gaussian.log_prob([1.0, 0.0], [0.0, 0.0], [1.0, 4.0], form="diag"), 6))
    -3.031024
    """
    name = "log_prob"
    check_form(name, form)
    mode = core_errors(name, errors, fresh=True)
    cov, kind = take_cov(name, "cov", cov, form)
    points, centre, array = take_alike(name, x=x, mean=mean, cov=cov)
    d = dimension(name, "x", points)
    if centre.ndim == 0 or centre.shape[-1] != d:
        raise ValueError(f"{name}: mean has shape {centre.shape}, expected (..., {d})")
    batch = broadcast_batch(
        name,
        x=points.shape[:-1],
        mean=centre.shape[:-1],
        cov=covariance_batch(name, "cov", array, d, kind),
    )
    delta = points.astype(np.float64) - centre
    square, logs = standardised(name, delta, array.astype(np.float64), kind, mode, "cov")
    value = np.broadcast_to(-(d * LOG_2PI + square) / 2 - logs, batch)
    return finish(value, name, points.dtype, out)


def sample(
    mean: Any,
    cov: Any,
    size: int | tuple[int, ...] = (),
    *,
    seed: int = 0,
    form: Form = "cov",
    errors: Errors = "raise",
) -> Array:
    """Draw from normal distributions; singular covariances are welcome.

    Number k of the result is m + F z with the normal numbers z of the library's counter-based
    generator, numbers k d, ..., k d + d - 1 of the seed: the same on every machine up to rounding,
    whatever the number of threads. Of a pair (F, D) it is m + F z + D^(1/2) y, with r + d numbers
    each, those of z first.

    Parameters
    ----------
    mean : array_like, shape (..., d)
    cov : array_like
        The covariance in the given form.
    size : int or tuple of int
        Axes before those of the batch.
    seed : int
        From 0 to 2**64 - 1.
    form, errors
        As in :func:`kl`.

    Returns
    -------
    ndarray, shape (*size, ..., d)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011 (Philox).

    Examples
    --------
    >>> from isokern import gaussian
    >>> gaussian.sample([1.0, 2.0], [0.0, 0.0], 3, form="diag")
    array([[1., 2.],
           [1., 2.],
           [1., 2.]])
    """
    name = "sample"
    check_form(name, form)
    mode = core_errors(name, errors, fresh=True)
    cov, kind = take_cov(name, "cov", cov, form)
    centre, array = take_alike(name, mean=mean, cov=cov)
    d = dimension(name, "mean", centre)
    batch = broadcast_batch(
        name, mean=centre.shape[:-1], cov=covariance_batch(name, "cov", array, d, kind)
    )
    axes = tuple(size) if isinstance(size, tuple) else (operator.index(size),)
    if any(n < 0 for n in axes):
        raise ValueError(f"{name}: size is {size!r}, expected 0 or more")
    if not 0 <= operator.index(seed) < 1 << 64:
        raise ValueError(f"{name}: seed is {seed!r}, expected an integer from 0 to 2**64 - 1")
    wide = array.astype(np.float64)
    shape = (*axes, *batch)
    count = int(np.prod(shape, dtype=np.int64))
    width = d + wide.shape[-1] - 1 if kind == "lowrank" else d
    z = _core.random_normals(operator.index(seed), 0, 0, count * width).reshape(*shape, width)
    if kind in ("diag", "lowrank"):
        spread = roots(name, "cov", wide if kind == "diag" else wide[..., -1], mode)
        moved = spread * z[..., width - d :]
        if kind == "lowrank":
            f = wide[..., :-1]
            if mode != "nan" and not np.all(np.isfinite(f)):
                indefinite(name, "cov", ~np.all(np.isfinite(f), axis=(-2, -1)))
            moved = moved + _turned(f, z[..., : width - d])
        return np.asarray((centre + moved).astype(centre.dtype))
    factor = _spread(Pair(name, kind, array.dtype, centre, wide, centre, wide, batch, mode))
    result: Array = (centre + _turned(factor, z)).astype(centre.dtype)
    return result


def _spread(pair: Pair) -> Array:
    """F (..., d, d) with F F^T = S, of each item by itself; triangular but for singular S."""
    given = pair.cov1
    if pair.form in ("tril", "factor"):
        lower = np.tril(given) if pair.form == "tril" else given
        good = np.all(np.isfinite(lower), axis=(-2, -1))
        if pair.errors != "nan" and not np.all(good):
            indefinite(pair.function, "cov", ~good)
        lower = np.where(good[..., None, None], lower, 0.0)
        lower = lower if pair.form == "tril" else triangular_of_factor(lower)
        return np.where(good[..., None, None], lower, np.nan)
    factor = to_tril(pair.function, "cov", given, pair.form, "nan")
    bad = np.any(np.isnan(factor), axis=(-2, -1))
    if np.any(bad):
        factor = np.where(bad[..., None, None], factor_of(pair, "cov", given), factor)
    return factor


def _turned(factor: Array, z: Array) -> Array:
    """F z for vectors z (..., r)."""
    return z @ factor.T if factor.ndim == 2 else (factor @ z[..., None])[..., 0]

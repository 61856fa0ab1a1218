# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""All pairs of two sets of normal distributions, in O(n m + (n + m) d^2) memory."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from isokern import _core
from isokern import _gaussian_bures as bures
from isokern import _gaussian_diag as diag
from isokern import _gaussian_measures as measures
from isokern import _gaussian_near as near
from isokern import _gaussian_pairs as pairs
from isokern._arrays import Array, Errors
from isokern._gaussian_forms import (
    LARGE,
    Form,
    Pair,
    factorise,
    finish,
    to_cov,
    to_tril,
    wide,
)
from isokern._gaussian_kl import LOG_2PI
from isokern._gaussian_sets import by_rows, crossed, gathered, refuse, swapped, take_sets
from isokern._gaussian_single import half_log_det

__all__ = ["pairwise"]

Method = Literal["auto", "gemm", "solve"]

METRICS = tuple(measures.__all__)
_OPTIONS = {
    "hellinger": ("squared",),
    "wasserstein2": ("squared",),
    "mahalanobis": ("squared",),
    "renyi": ("alpha",),
    "geometric_js": ("weight", "dual"),
}
_GATHERED = 1 << 22  # numbers that are gathered at a time
_DOUBTFUL = 2.0**-20  # of the terms' size: entries below have lost six digits


def pairwise(
    metric: str,
    mean1: Any,
    cov1: Any,
    mean2: Any = None,
    cov2: Any = None,
    *,
    form: Form = "cov",
    errors: Errors = "raise",
    method: Method = "auto",
    out: Any = None,
    **options: Any,
) -> Any:
    """Compute a measure for all pairs of two sets of distributions.

    Parameters
    ----------
    metric : str
        The name of a measure of this module, as ``"kl"``.
    mean1, cov1 : array_like, shapes (n, d) and (n, d, d)
        The first set; the shape of the covariances is that of their form.
    mean2, cov2 : array_like, optional
        The second set, m distributions; the first again by default.
    form, errors
        As in :func:`kl`. With "nan" rows and columns of a bad covariance become NaN.
    method : {"auto", "gemm", "solve"}
        For "kl" and what is made of it: one matrix product of packed covariances and precisions
        for all pairs, or a triangular solve for each. "auto" takes the product, and solves again
        for the entries which are so small that it has lost digits.
    out : ndarray, shape (n, m), optional
    **options
        What the measure takes, as ``alpha=0.5`` or ``squared=True``.

    Returns
    -------
    ndarray, shape (n, m)

    Raises
    ------
    TypeError, ValueError, numpy.linalg.LinAlgError
        As :func:`kl`.

    References
    ----------
    Those of the measures.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import gaussian
    >>> gaussian.pairwise("kl", np.array([[0.0], [2.0]]), np.ones((2, 1, 1)))
    array([[0., 2.],
           [2., 0.]])
    """
    name = "pairwise"
    if metric not in METRICS:
        raise ValueError(f"{name}: metric is {metric!r}, expected one of {', '.join(METRICS)}")
    if method not in ("auto", "gemm", "solve"):
        raise ValueError(f"{name}: method is {method!r}, expected auto, gemm or solve")
    if (mean2 is None) != (cov2 is None):
        raise ValueError(f"{name}: one of mean2 and cov2 is given, expected both or none")
    if mean2 is None:
        mean2, cov2 = mean1, cov1
    definite = metric != "wasserstein2"
    sets = take_sets(mean1, cov1, mean2, cov2, form, errors, definite=definite)
    try:
        value = _compute(metric, sets, method, options)
    except (ValueError, np.linalg.LinAlgError):
        refuse(sets, metric)  # by its place in its own set
        raise
    return finish(value, name, sets.dtype, out)


def _compute(metric: str, sets: Pair, method: str, options: dict[str, Any]) -> Array:
    squared = bool(options.get("squared", False))
    allowed = _OPTIONS.get(metric, ())
    for option in options:
        if option not in allowed:
            raise TypeError(f"pairwise: {metric} takes no {option}")
    if metric == "kl":
        return _kl(sets, method)
    if metric == "jeffreys":
        return _kl(sets, method) + _kl(swapped(sets), method).T
    if metric == "cross_entropy":
        own = half_log_det("pairwise", "cov1", sets.cov1, sets.form, sets.errors)
        return sets.d * (1 + LOG_2PI) / 2 + own[:, None] + _kl(sets, method)
    if metric in ("bhattacharyya", "hellinger"):
        value = _bhattacharyya(sets)
        if metric == "bhattacharyya":
            return value
        square = -np.expm1(-value)
        return square if squared else np.sqrt(square)
    if metric == "wasserstein2":
        square = _wasserstein2(sets)
        return square if squared else np.sqrt(square)
    errors: Errors = "nan" if sets.errors == "nan" else "raise"
    form: Any = sets.form
    function = getattr(measures, metric)
    if form == "lowrank":
        form = "factor"
        covs: list[Any] = [(c[:, :-1], c[:, -1]) for c in sets.cov1]
        cov2: Any = (sets.cov2[..., :-1], sets.cov2[..., -1])
    else:
        covs, cov2 = list(sets.cov1), sets.cov2
    rows = [
        function(mean, cov, sets.mean2, cov2, form=form, errors=errors, **options)
        for mean, cov in zip(sets.mean1, covs, strict=True)
    ]
    return np.stack(rows) if rows else np.zeros(sets.batch)


def _kl(sets: Pair, method: str) -> Array:
    if sets.form == "factor":
        factors = [to_tril("pairwise", "cov", c, "factor", "nan") for c in (sets.cov1, sets.cov2)]
        if not all(np.all(np.isfinite(f)) for f in factors):
            return by_rows(sets, pairs.kl)
        value = _kl(sets.with_covs("tril", *factors), method)
        return value if method == "gemm" else near.refine(crossed(sets), value, diag.kl)
    if sets.form == "lowrank":
        return by_rows(sets, pairs.kl)
    if sets.form != "diag" and sets.d <= LARGE:
        out = np.empty(sets.batch)
        given = (wide(sets.mean1), wide(sets.cov1), wide(sets.mean2), wide(sets.cov2))
        _core.gaussian_kl_pairwise(*given, sets.form, method, sets.errors, out)
        if method == "gemm" and sets.errors != "nan" and not np.all(np.isfinite(out)):
            warnings.warn("pairwise: the product overflowed", RuntimeWarning, stacklevel=4)
        return out
    if method == "solve":
        return by_rows(sets, pairs.kl)
    if method == "gemm":
        return _kl_by_product(sets)[0]
    with np.errstate(invalid="ignore", over="ignore"):  # what comes of it is computed again
        value, scale = _kl_by_product(sets)
    doubtful = ~(value >= _DOUBTFUL * scale)  # NaN and infinity as well
    if np.count_nonzero(doubtful) > doubtful.size // 4:
        return _kl(sets, "solve")
    rows, columns = np.nonzero(doubtful)
    step = max(1, _GATHERED // (sets.d * sets.d))
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        value[i, j] = pairs.kl(gathered(sets, i, j))
    return value


def _kl_by_product(sets: Pair) -> tuple[Array, Array]:
    """The divergences, and how large the terms are that they are the difference of."""
    name, mode, d = sets.function, sets.errors, sets.d
    both = np.concatenate([sets.mean1, sets.mean2])
    finite = both[np.isfinite(both).all(axis=-1)]
    centre = np.mean(finite, axis=0) if len(finite) else np.zeros(d)
    mean1, mean2 = sets.mean1 - centre, sets.mean2 - centre
    log1 = half_log_det(name, "cov1", sets.cov1, sets.form, mode)
    log2 = half_log_det(name, "cov2", sets.cov2, sets.form, mode)
    if sets.form == "diag":
        second, precision = sets.cov1 + mean1**2, 1 / sets.cov2
        turned = precision * mean2
        moments = np.einsum("id,id->i", turned, mean2)
    else:
        s1 = to_cov(name, "cov1", sets.cov1, sets.form, mode)
        if sets.form == "precision":
            p2 = sets.cov2
        else:
            s2 = to_cov(name, "cov2", sets.cov2, sets.form, mode)
            p2 = factorise(name, "cov2", s2, "inverse", mode)
        turned = (p2 @ mean2[..., None])[..., 0]
        moments = np.einsum("id,id->i", turned, mean2)
        row, column = np.tril_indices(d)
        at = row * d + column
        second = np.take(
            (s1 + mean1[:, :, None] * mean1[:, None, :]).reshape(-1, d * d), at, axis=1
        )
        precision = np.take(p2.reshape(-1, d * d), at, axis=1)
        precision[:, row != column] *= 2
    value = second @ precision.T
    value -= 2 * (mean1 @ turned.T)
    value *= 0.5
    value += moments / 2 - d / 2 + log2
    value -= log1[:, None]
    size = np.sqrt(np.einsum("ik,ik->i", second, second))
    return value, size[:, None] * np.sqrt(np.einsum("ik,ik->i", precision, precision))


def _bhattacharyya(sets: Pair) -> Array:
    if sets.form in ("diag", "lowrank"):
        return by_rows(sets, pairs.bhattacharyya)
    given = crossed(sets)
    covs = [
        to_cov("pairwise", text, cov, sets.form, sets.errors)
        for text, cov in (("cov1", sets.cov1), ("cov2", sets.cov2))
    ]
    sets = sets.with_covs("cov", *covs)
    if sets.d > LARGE:
        return by_rows(sets, pairs.bhattacharyya)
    log1, log2 = (
        2 * half_log_det("pairwise", text, cov, "cov", sets.errors)
        for text, cov in (("cov1", covs[0]), ("cov2", covs[1]))
    )
    value = np.empty(sets.batch)
    both = (wide(sets.mean1), wide(sets.cov1), wide(sets.mean2), wide(sets.cov2))
    _core.gaussian_bhattacharyya_pairwise(*both, log1, log2, value)
    return value if given.form == "cov" else near.refine(given, value, diag.bhattacharyya)


def _wasserstein2(sets: Pair) -> Array:
    if sets.form == "diag":
        return by_rows(sets, bures.wasserstein2_squared)
    lowers = [to_tril("pairwise", "cov", c, sets.form, "nan") for c in (sets.cov1, sets.cov2)]
    if not all(np.all(np.isfinite(lower)) for lower in lowers):
        factors = [
            bures.factor_of(sets, text, cov)
            for text, cov in (("cov1", sets.cov1), ("cov2", sets.cov2))
        ]
        return by_rows(sets.with_covs("factor", *factors), bures.wasserstein2_squared)
    if sets.d > LARGE:
        return by_rows(sets.with_covs("tril", *lowers), bures.wasserstein2_squared)
    out = np.empty(sets.batch)
    _core.gaussian_wasserstein2_squared(
        wide(sets.mean1[:, None]), wide(lowers[0][:, None]), wide(sets.mean2), wide(lowers[1]),
        "tril", "nan", out,
    )  # fmt: skip
    return near.refine_bures(crossed(sets), out)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""A bound of Wasserstein's distance from spectra, and the nearest distributions by its help."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern import _gaussian_bures as bures
from isokern import _gaussian_diag as diag
from isokern._arrays import Array, broadcast_batch, take_alike
from isokern._gaussian_forms import (
    Form,
    Pair,
    check_form,
    covariance_batch,
    dimension,
    finish,
    indefinite,
    take_cov,
    take_pair,
)

__all__ = ["nearest", "wasserstein2_lower_bound"]


def _signature(
    name: str, which: str, mean: Any, cov: Any, form: Form
) -> tuple[Array, Array, np.dtype[Any]]:
    """Means and sorted roots of the spectra, which the lower bound compares, and the dtype."""
    check_form(name, form)
    text = f"cov{which}"
    cov, kind = take_cov(name, text, cov, form)
    m, c = take_alike(name, **{f"mean{which}": mean, text: cov})
    d = dimension(name, f"mean{which}", m)
    covariance_batch(name, text, c, d, kind)
    centre, wide = m.astype(np.float64), c.astype(np.float64)
    one = Pair(name, kind, m.dtype, centre, wide, centre, wide, (), "raise_after")
    if kind == "diag":
        return centre, np.sort(diag.roots(name, text, wide, "raise_after"), axis=-1), m.dtype
    if kind in ("cov", "precision"):
        return centre, bures.spectral_roots(one, text, wide), m.dtype
    # The singular values of factors are the roots, small ones too.
    factor = bures.factor_of(one, text, wide)
    bad = ~np.all(np.isfinite(factor), axis=(-2, -1))
    if np.any(bad):
        indefinite(name, text, bad)
    roots = np.linalg.svd(factor, compute_uv=False)[..., ::-1]
    missing = np.zeros((*roots.shape[:-1], max(0, d - roots.shape[-1])))
    return centre, np.concatenate([missing, roots], axis=-1), m.dtype


def wasserstein2_lower_bound(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, *, squared: bool = False, form: Form = "cov"
) -> Any:
    """Bound the 2-Wasserstein distance from below, from means and spectra alone.

    |delta|^2 + sum of (sqrt(lambda_i(S1)) - sqrt(lambda_i(S2)))^2 over sorted eigenvalues: equal to
    the squared distance where the covariances commute in the same order. For n and m
    distributions it takes n + m eigendecompositions and no pair of matrices.

    Parameters
    ----------
    mean1, cov1, mean2, cov2, form
        As in :func:`kl`.
    squared : bool
        Bound the square.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        Shapes that do not fit, or a covariance that is not symmetric.
    numpy.linalg.LinAlgError
        A covariance that is indefinite, or not finite; the message has its batch index.

    References
    ----------
    J. von Neumann's trace inequality, Tomsk Univ. Rev. 1, 1937, 286-300, of the factors.

    Examples
    --------
    >>> from isokern import gaussian
    >>> given = [0.0, 0.0], [1.0, 4.0], [3.0, 0.0], [4.0, 1.0]
    >>> gaussian.wasserstein2_lower_bound(*given, form="diag")
    np.float64(3.0)
    >>> gaussian.wasserstein2(*given, form="diag", squared=True)
    np.float64(11.0)
    """
    name = "wasserstein2_lower_bound"
    m1, r1, dtype = _signature(name, "1", mean1, cov1, form)
    m2, r2, other = _signature(name, "2", mean2, cov2, form)
    if other != dtype:
        raise TypeError(f"{name}: mean2 has dtype {other}, expected {dtype} as mean1")
    if m1.shape[-1] != m2.shape[-1]:
        raise ValueError(f"{name}: mean2 has shape {m2.shape}, expected (..., {m1.shape[-1]})")
    broadcast_batch(name, mean1=m1.shape[:-1], cov1=r1.shape[:-1], mean2=m2.shape[:-1],
                    cov2=r2.shape[:-1])  # fmt: skip
    square = np.sum((m1 - m2) ** 2, axis=-1) + np.sum((r1 - r2) ** 2, axis=-1)
    return finish(square if squared else np.sqrt(square), name, dtype)


def nearest(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, k: int = 1, *, form: Form = "cov"
) -> tuple[Array, Array]:
    """Find, for each of n distributions, the k of m others at the least 2-Wasserstein distance.

    Candidates are taken in the order of :func:`wasserstein2_lower_bound`, until the bound of the
    next exceeds the distances found: the answer is exact, and most distances are not computed.

    Parameters
    ----------
    mean1, cov1 : array_like, shapes (n, d) and (n, d, d)
    mean2, cov2 : array_like, shapes (m, d) and (m, d, d)
    k : int
        From 1 to m.
    form
        As in :func:`kl`.

    Returns
    -------
    distances, indices : ndarray, shape (n, k)
        In ascending order; ties by index.

    Raises
    ------
    ValueError, numpy.linalg.LinAlgError
        As :func:`wasserstein2_lower_bound`; a `k` out of range.

    References
    ----------
    As :func:`wasserstein2_lower_bound`.

    Examples
    --------
    >>> import numpy as np
    >>> from isokern import gaussian
    >>> means = np.array([[0.0], [5.0], [1.0]])
    >>> gaussian.nearest(means[:1], np.ones((1, 1)), means, np.ones((3, 1)), 2, form="diag")
    (array([[0., 1.]]), array([[0, 2]]))
    """
    name = "nearest"
    m1, r1, dtype = _signature(name, "1", mean1, cov1, form)
    m2, r2, other = _signature(name, "2", mean2, cov2, form)
    if other != dtype:
        raise TypeError(f"{name}: mean2 has dtype {other}, expected {dtype} as mean1")
    if m1.ndim != 2 or m2.ndim != 2 or m1.shape[1] != m2.shape[1]:
        raise ValueError(
            f"{name}: mean1 and mean2 have shapes {m1.shape} and {m2.shape}, "
            "expected (n, d) and (m, d)"
        )
    if not 1 <= k <= len(m2):
        raise ValueError(f"{name}: k is {k!r}, expected an integer from 1 to {len(m2)}")
    pair = take_pair(name, mean1, cov1, mean1, cov1, form, "raise", definite=False)
    all2 = take_pair(name, mean2, cov2, mean2, cov2, form, "raise", definite=False)
    points1, points2 = np.hstack([m1, r1]), np.hstack([m2, r2])
    # Roots of eigenvalues near zero are wrong by as much; singular values of factors are not.
    largest = max(np.max(r1, initial=0), np.max(r2, initial=0))
    unsure = (
        pair.d * largest * np.sqrt(np.finfo(float).eps) if form in ("cov", "precision") else 0.0
    )
    distances = np.empty((len(m1), k))
    indices = np.empty((len(m1), k), np.intp)
    for i, point in enumerate(points1):
        bounds = np.sum((points2 - point) ** 2, axis=1)
        order = np.argsort(bounds, kind="stable")
        found = np.empty(0)
        done = 0
        while done < len(order):
            if done >= k:
                reach = np.sqrt(np.partition(found, k - 1)[k - 1]) * (1 + 1e-12) + unsure
                if np.sqrt(bounds[order[done]]) > reach:
                    break
            some = order[done : done + max(8, k)]
            batch = Pair(name, pair.form, pair.dtype, pair.mean1[i], pair.cov1[i],
                         all2.mean1[some], all2.cov1[some], some.shape, pair.errors)  # fmt: skip
            found = np.append(found, bures.wasserstein2_squared(batch))
            done += len(some)
        seen = order[:done]
        best = np.lexsort((seen, found))[:k]
        distances[i], indices[i] = np.sqrt(found[best]), seen[best]
    return distances.astype(pair.dtype), indices

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Two sets of distributions, whose pairs make a batch (n, m) that is never copied whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from isokern._arrays import Array, Errors
from isokern._gaussian_bures import factor_of
from isokern._gaussian_forms import Pair, cholesky_factors, nan_where_bad, take_pair
from isokern._gaussian_single import half_log_det


def take_sets(
    mean1: Any, cov1: Any, mean2: Any, cov2: Any, form: str, errors: Errors, *, definite: bool
) -> Pair:
    """Two sets, checked one by one; the batch is (n, m). `definite` as in take_pair."""
    one = take_pair("pairwise", mean1, cov1, mean1, cov1, form, errors, definite=False)
    try:
        other = take_pair("pairwise", mean2, cov2, mean2, cov2, form, errors, definite=False)
    except (TypeError, ValueError, np.linalg.LinAlgError) as error:
        text = str(error).replace("mean1", "mean2").replace("cov1", "cov2")
        raise type(error)(text) from None
    if one.dtype != other.dtype:
        raise TypeError(f"pairwise: mean2 has dtype {other.dtype}, expected {one.dtype} as mean1")
    for name, given in (("1", one), ("2", other)):
        axes = 1 if given.form == "diag" else 2
        if given.mean1.ndim != 2 or given.cov1.ndim != axes + 1 or len(given.batch) != 1:
            raise ValueError(
                f"pairwise: mean{name} and cov{name} have shapes {given.mean1.shape} and "
                f"{given.cov1.shape}, expected a set of distributions, (n, d) and (n, d, d)"
            )
        if given.mean1.shape[0] != given.cov1.shape[0]:
            raise ValueError(
                f"pairwise: cov{name} has shape {given.cov1.shape}, "
                f"expected {given.mean1.shape[0]} covariances"
            )
    if other.d != one.d or other.form != one.form:
        raise ValueError(f"pairwise: mean2 has shape {other.mean1.shape}, expected (m, {one.d})")
    batch = (one.mean1.shape[0], other.mean1.shape[0])
    covs = [one.cov1, other.cov1]
    if definite and one.errors == "nan":
        covs = [nan_where_bad(cov, one.form, definite) for cov in covs]
    if one.form == "tril" and definite:
        covs = [
            cholesky_factors("pairwise", name, cov, one.errors)
            for name, cov in zip(("cov1", "cov2"), covs, strict=True)
        ]
    return Pair("pairwise", one.form, one.dtype, one.mean1, covs[0], other.mean1, covs[1],
                batch, one.errors)  # fmt: skip


def refuse(sets: Pair, metric: str) -> None:
    """Raise for the first covariance of either set that the measure does not take."""
    for name, cov in (("cov1", sets.cov1), ("cov2", sets.cov2)):
        if metric == "wasserstein2":
            factor_of(sets, name, cov)
        else:
            half_log_det(sets.function, name, cov, sets.form, sets.errors)


def swapped(sets: Pair) -> Pair:
    """The second set first."""
    return Pair(sets.function, sets.form, sets.dtype, sets.mean2, sets.cov2, sets.mean1, sets.cov1,
                sets.batch[::-1], sets.errors)  # fmt: skip


def _chosen(sets: Pair, i: Any, j: Any, batch: tuple[int, ...]) -> Pair:
    return dataclasses.replace(
        sets, mean1=sets.mean1[i], cov1=sets.cov1[i], mean2=sets.mean2[j], cov2=sets.cov2[j],
        batch=batch,
    )  # fmt: skip


def crossed(sets: Pair) -> Pair:
    """The sets as a pair that broadcasts: nothing is copied."""
    return _chosen(sets, np.s_[:, None], np.s_[:], sets.batch)


def gathered(sets: Pair, i: Array, j: Array) -> Pair:
    """The pairs (i, j) of equally long arrays of indices."""
    return _chosen(sets, i, j, i.shape)


def by_rows(sets: Pair, measure: Any) -> Array:
    """Row after row: what is in memory at a time belongs to m pairs."""
    value = np.empty(sets.batch)
    for i in range(sets.batch[0]):
        value[i] = measure(_chosen(sets, i, np.s_[:], sets.batch[1:]))
    return value

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Two sets of distributions, whose pairs make a batch (n, m) that is never copied whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from isokern._arrays import Array, Errors
from isokern._gaussian_bures import factor_of
from isokern._gaussian_forms import Pair, take_pair
from isokern._gaussian_single import half_log_det


def take_sets(mean1: Any, cov1: Any, mean2: Any, cov2: Any, form: str, errors: Errors) -> Pair:
    """Two sets, checked one by one; the batch is (n, m)."""
    one = take_pair("pairwise", mean1, cov1, mean1, cov1, form, errors, definite=False)
    other = take_pair("pairwise", mean2, cov2, mean2, cov2, form, errors, definite=False)
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
    return Pair("pairwise", one.form, one.dtype, one.mean1, one.cov1, other.mean1, other.cov1,
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


def crossed(sets: Pair) -> Pair:
    """The sets as a pair that broadcasts: nothing is copied."""
    return Pair(sets.function, sets.form, sets.dtype, sets.mean1[:, None], sets.cov1[:, None],
                sets.mean2, sets.cov2, sets.batch, sets.errors)  # fmt: skip


def by_rows(sets: Pair, measure: Any) -> Array:
    """Row after row: what is in memory at a time belongs to m pairs."""
    value = np.empty(sets.batch)
    for i in range(sets.batch[0]):
        value[i] = measure(
            Pair(
                sets.function,
                sets.form,
                sets.dtype,
                sets.mean1[i],
                sets.cov1[i],
                sets.mean2,
                sets.cov2,
                sets.batch[1:],
                sets.errors,
            )
        )
    return value

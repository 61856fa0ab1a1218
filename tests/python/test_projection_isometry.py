# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Lengths kept on average, with the variance that each kind has in closed form.

For every kind, rows of four shapes are mapped by SEEDS maps. Squared lengths L have known mean 1
and variance v; a map of another scale, or with entries that depend on one another, has another.
Bounds are six standard errors of the estimated mean, and of the estimated variance as far as the
sample says (from the fourth moment): by the central limit theorem a correct map fails one bound
with a probability of about 2e-9, for all 64 together below 1e-6; the seeds are fixed, so that a
pass stays one.
"""

import numpy as np
import pytest

from isokern.projection import KINDS, Sketch

D, K, SEEDS = 64, 16, 3000
BOUND = 6.0


def shapes(rng):
    heavy = rng.standard_t(1.5, size=D)
    rows = {
        "one-hot": np.eye(D)[5],
        "two spikes": np.eye(D)[5] + np.eye(D)[41],
        "flat": np.ones(D),
        "heavy-tailed": heavy,
    }
    return {name: row / np.linalg.norm(row) for name, row in rows.items()}


def srht_variance(x):
    """With a = H D x, L is the mean of a_i^2 over K of D rows, drawn without replacement.

    Their mean over all rows is 1 whatever the signs; E a_i^4 = 3 - 2 q.
    """
    q = np.sum(x**4)
    return (2 - 2 * q) / K * (D - K) / (D - 1)


def haar_variance(_):
    """|first K of a uniform unit vector|^2 is Beta(K/2, (D - K)/2), times D/K."""
    return 2 * (D - K) / (K * (D + 2))


def variance(kind, x):
    q = np.sum(x**4)
    if kind == "srht":
        return srht_variance(x)
    if kind == "haar":
        return haar_variance(x)
    density = {"achlioptas": 1 / 3, "very_sparse": 1 / 8, "rademacher": 1}.get(kind)
    if density is not None:
        return (2 + (1 / density - 3) * q) / K
    return 2 / K if kind == "gaussian" else 2 * (1 - q) / K


@pytest.mark.parametrize("kind", KINDS)
def test_mean_and_variance_of_lengths(kind, rng):
    rows = shapes(rng)
    x = np.array(list(rows.values()))
    squares = np.array(
        [np.sum(Sketch(kind, D, K, seed=seed).apply(x) ** 2, axis=1) for seed in range(SEEDS)]
    )
    for name, row, sample in zip(rows, x, squares.T, strict=True):
        v = variance(kind, row)
        deviation = sample - 1
        assert abs(np.mean(deviation)) <= BOUND * np.sqrt(v / SEEDS) + 1e-12, name
        spread = np.std(deviation**2) / np.sqrt(SEEDS)
        assert abs(np.mean(deviation**2) - v) <= BOUND * spread + 1e-12, name


@pytest.mark.parametrize(("k", "s"), [(16, 3), (17, 4), (16, 16), (5, 2)])
def test_variance_for_groups_of_unequal_size(k, s, rng):
    """2 (1 - q) / s^2 times the sum of 1 / m over the groups, of m rows: 2 (1 - q) / k if equal."""
    sizes = np.diff([b * k // s for b in range(s + 1)])
    for name, x in shapes(rng).items():
        v = 2 * (1 - np.sum(x**4)) * np.sum(1 / sizes) / s**2
        sketches = (Sketch("sparse_jl", D, k, s=s, seed=seed) for seed in range(SEEDS))
        deviation = np.array([np.sum(sketch.apply(x) ** 2) for sketch in sketches]) - 1
        assert abs(np.mean(deviation)) <= BOUND * np.sqrt(v / SEEDS) + 1e-12, name
        spread = np.std(deviation**2) / np.sqrt(SEEDS)
        assert abs(np.mean(deviation**2) - v) <= BOUND * spread + 1e-12, name


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_is_the_identity_on_average(kind, rng):
    """E[R^T R] = I: entries of the mean within six standard errors (4096 entries, below 1e-5)."""
    total, squares = np.zeros((D, D)), np.zeros((D, D))
    seeds = 500
    for seed in range(seeds):
        matrix = Sketch(kind, D, K, seed=seed).matrix()
        product = matrix.T @ matrix - np.eye(D)
        total += product
        squares += product**2
    error = np.sqrt(squares) / seeds
    assert np.max(np.abs(total / seeds) - BOUND * np.maximum(error, 1 / seeds)) <= 0


def test_entries_are_uncorrelated():
    """Correlations between entries of independent kinds: none above six standard errors."""
    for kind in ("achlioptas", "very_sparse", "rademacher", "gaussian"):
        entries = np.array([Sketch(kind, 8, 8, seed=s).matrix().ravel() for s in range(4000)])
        entries *= np.sqrt(8)
        products = entries.T @ entries / 4000 - np.eye(64)
        fourth = np.mean(entries**4) - 1
        bound = BOUND * np.where(np.eye(64) > 0, np.sqrt(fourth), 1) / np.sqrt(4000)
        assert np.all(np.abs(products) <= bound + 1e-12)
        assert np.max(np.abs(np.mean(entries, axis=0))) <= BOUND / np.sqrt(4000)

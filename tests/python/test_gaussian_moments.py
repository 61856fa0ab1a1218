# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Moments in pieces against NumPy on the whole, and Fréchet's distance in its hard cases."""

import pickle

import numpy as np
import pytest
from gaussians import random_cov

from isokern import gaussian


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
def test_any_split_and_any_order(offset, dtype, rng):
    x = (rng.normal(size=(6000, 5)) @ rng.normal(size=(5, 5)) + offset).astype(dtype)
    exact = x.astype(np.longdouble)
    centred = exact - exact.mean(axis=0)
    cov = (centred.T @ centred / (len(x) - 1)).astype(float)
    cuts = np.sort(rng.integers(0, 6000, size=9))
    parts = [gaussian.Moments(5).update(part) for part in np.split(x, cuts)]
    whole = gaussian.Moments(5).update(x)
    backwards = gaussian.Moments(5)
    for i in rng.permutation(len(parts)):
        backwards.merge(parts[i])
    budget = 1e-12 if dtype == np.float64 else 1e-6
    if offset == 1e8:
        budget = 1e-11 if dtype == np.float64 else 1e-5
    for moments in (whole, backwards):
        assert (moments.count, moments.weight) == (6000, 6000)
        np.testing.assert_allclose(
            moments.mean, exact.mean(axis=0).astype(float), atol=1e-6 + 1e-15 * offset
        )
        np.testing.assert_allclose(moments.cov(), cov, atol=budget * np.max(cov))


def test_a_drift_of_float32_is_not_in_the_products(rng):
    x = rng.normal(size=(20_000, 30)) + np.linspace(0, 1000, 20_000)[:, None] * np.eye(30)[0]
    x = x.astype(np.float32)
    exact = np.cov(x.T.astype(np.float64))
    scale = np.sqrt(np.outer(np.diagonal(exact), np.diagonal(exact)))
    found = gaussian.Moments(30).update(x).cov()
    assert np.max(np.abs(found - exact) / scale) < 3e-7
    turned = gaussian.Moments(30).update(np.asfortranarray(x)).cov()
    assert np.max(np.abs(turned - exact) / scale) < 3e-7


def test_weights(rng):
    x = rng.normal(size=(50, 3))
    times = rng.integers(0, 4, size=50)
    weighted = gaussian.Moments(3).update(x, times)
    repeated = gaussian.Moments(3).update(np.repeat(x, times, axis=0))
    np.testing.assert_allclose(weighted.cov(), repeated.cov(), rtol=1e-12)
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-12)
    w = rng.uniform(size=50)
    got = gaussian.Moments(3).update(x[:20], w[:20]).update(x[20:], w[20:])
    np.testing.assert_allclose(got.cov(weights="reliability"), np.cov(x.T, aweights=w), rtol=1e-12)
    np.testing.assert_allclose(got.cov(0), np.cov(x.T, aweights=w, ddof=0), rtol=1e-12)
    nothing = gaussian.Moments(3).update(x, np.zeros(50)).merge(gaussian.Moments(3))
    assert nothing.weight == 0
    assert np.all(np.isnan(nothing.mean))
    np.testing.assert_allclose(nothing.update(x).cov(), np.cov(x.T), rtol=1e-12)


def test_states(rng):
    moments = gaussian.Moments(4).update(rng.normal(size=(9, 4)))
    for other in (
        gaussian.Moments.from_state(moments.state()),
        pickle.loads(pickle.dumps(moments)),
    ):
        np.testing.assert_array_equal(other.cov(), moments.cov())
        np.testing.assert_array_equal(other.mean, moments.mean)
        assert repr(other) == "Moments(d=4, count=9, weight=9)"
    with pytest.raises(ValueError, match="version is None"):
        gaussian.Moments.from_state({})


def test_moments_refuse(rng):
    moments = gaussian.Moments(3)
    for call, text in (
        (lambda: moments.update(np.ones((2, 4))), "expected \\(n, 3\\)"),
        (lambda: moments.update(np.ones((2, 3)), [1.0]), "weight has shape"),
        (lambda: moments.update(np.ones((2, 3)), [1.0, -1.0]), "weight is negative"),
        (lambda: moments.update(np.ones((2, 3)), [1.0, np.nan]), "not finite"),
        (lambda: moments.merge(gaussian.Moments(2)), "other has d = 2"),
        (lambda: moments.cov(), "too little"),
        (lambda: gaussian.Moments(3).update(np.ones(3)).cov(), "too little"),
        (lambda: gaussian.Moments(0), "d is 0"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
    with pytest.raises(TypeError, match="other is a dict"):
        moments.merge({})
    assert moments.count == 0


def test_frechet_is_what_others_call_it(rng):
    linalg = pytest.importorskip("scipy.linalg")
    for n, m, d in ((50, 60, 4), (500, 400, 40), (3, 4, 20), (12, 70, 30), (700, 650, 150)):
        x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d)
        y = 1.5 * rng.normal(size=(m, d)) + 0.1
        s1, s2 = np.cov(x.T), np.cov(y.T)
        values = linalg.eigvals(s1 @ s2)
        exact = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s1 + s2)
        exact -= 2 * np.sum(np.sqrt(np.maximum(values.real, 0)))
        tolerance = 1e-10 if min(n, m) > d else 1e-5
        got = gaussian.frechet_distance(x, y)
        np.testing.assert_allclose(got, exact, rtol=tolerance)
        one, other = gaussian.Moments(d).update(x), gaussian.Moments(d).update(y)
        np.testing.assert_allclose(gaussian.frechet_distance(one, other), got, rtol=1e-6)
        np.testing.assert_allclose(gaussian.frechet_distance(one, y), got, rtol=1e-6)
        assert gaussian.frechet_distance(x, x.copy()) == 0
        assert gaussian.frechet_distance(one, one) == 0
        shifted = gaussian.frechet_distance(x, x[::-1])
        assert 0 <= shifted < 1e-20 * np.trace(s1) + 1e-24


def test_frechet_with_few_vectors_in_float32(rng):
    """The case in which eigenvalues of the product fail."""
    x = rng.normal(size=(50, 256)).astype(np.float32)
    y = rng.normal(size=(60, 256)).astype(np.float32)
    a, b = ((v - v.mean(0, dtype=float)) / np.sqrt(len(v) - 1) for v in (x, y))
    cross = np.linalg.svd(a.astype(float) @ b.T.astype(float), compute_uv=False).sum()
    exact = np.sum((x.mean(0, dtype=float) - y.mean(0, dtype=float)) ** 2)
    exact += np.sum(a**2) + np.sum(b**2) - 2 * cross
    np.testing.assert_allclose(gaussian.frechet_distance(x, y), exact, rtol=1e-6)


def test_frechet_refuses(rng):
    x = rng.normal(size=(5, 3))
    for one, other, text in (
        (x[:1], x, "x has 1 vectors"),
        (x, rng.normal(size=(5, 4)), "y has d = 4"),
        (x, np.full((5, 3), np.nan), "y is not finite"),
        (x[0], x, "expected \\(n, d\\)"),
    ):
        with pytest.raises(ValueError, match=text):
            gaussian.frechet_distance(one, other)
    assert gaussian.frechet_distance(x[:1], x[:1], ddof=0) == 0
    assert isinstance(gaussian.frechet_distance(x, x + 1), float)
    assert random_cov(rng, 2).shape == (2, 2)


def test_rows_without_weight_do_not_matter(rng):
    x = np.concatenate([np.zeros((256, 2)), 1e8 + rng.normal(size=(5000, 2))])
    weight = np.concatenate([np.zeros(256), np.ones(5000)])
    found = gaussian.Moments(2).update(x, weight).cov()
    np.testing.assert_allclose(found, np.cov(x[256:].T), rtol=1e-6, atol=1e-6)

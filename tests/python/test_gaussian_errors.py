# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the functions on normals refuse, and how they say so."""

import numpy as np
import pytest
from gaussians import FORMS, random_cov, random_pair

from isokern import gaussian

PAIRS = ("kl", "jeffreys", "bhattacharyya", "hellinger", "renyi", "geometric_js", "wasserstein2",
         "mahalanobis", "cross_entropy")  # fmt: skip


def call(name, *given, **options):
    extra = {"alpha": 0.5} if name == "renyi" else {}
    return getattr(gaussian, name)(*given, **options, **extra)


@pytest.mark.parametrize("name", PAIRS)
def test_shapes_and_types(name, rng):
    m1, s1, m2, s2 = random_pair(rng, 3)
    for given, text in (
        ((m1, s1, m2[:2], s2), f"{name}: mean2 has shape \\(2,\\), expected \\(..., 3\\)"),
        ((m1, s1[:2], m2, s2), f"{name}: cov1 has shape \\(2, 3\\), expected \\(..., 3, 3\\)"),
        ((m1, s1, m2, s2[0]), f"{name}: cov2 has shape \\(3,\\)"),
        ((np.zeros((2, 3)), s1, np.zeros((4, 3)), s2), f"{name}: the batch axes of mean1"),
        ((1.0, s1, m2, s2), f"{name}: mean1 has shape \\(\\)"),
        ((np.zeros(0), np.zeros((0, 0)), np.zeros(0), np.zeros((0, 0))), "d of at least 1"),
    ):
        with pytest.raises(ValueError, match=text):
            call(name, *given)
    with pytest.raises(TypeError, match=f"{name}: cov1 has dtype float32, expected float64"):
        call(name, m1, s1.astype(np.float32), m2, s2)
    with pytest.raises(TypeError, match=f"{name}: mean1 has dtype complex128"):
        call(name, m1 + 0j, s1, m2, s2)
    with pytest.raises(ValueError, match=f"{name}: form is 'full', expected one of cov"):
        call(name, m1, s1, m2, s2, form="full")
    with pytest.raises(ValueError, match=f"{name}: errors is 'ignore'"):
        call(name, m1, s1, m2, s2, errors="ignore")
    out = np.full(3, 7.0)
    with pytest.raises(ValueError, match=f"{name}: out has shape"):
        call(name, m1, s1, m2, s2, out=out)
    out = np.empty((2,))
    assert call(name, np.stack([m1, m2]), s1, m2, s2, out=out) is out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("d", [3, 130])
@pytest.mark.parametrize("name", PAIRS)
def test_covariances_that_are_none(name, d, form, rng):
    m1, s1, m2, s2 = random_pair(rng, d, ((5,), (5,), (5,), (5,)), form)
    bad = s2.copy()
    bad[3] = np.nan if form in ("factor", "tril") else -bad[3]  # the sign of a factor is no matter
    value = call(name, m1, s1, m2, bad, form=form, errors="nan")
    np.testing.assert_array_equal(np.isnan(value), np.arange(5) == 3)
    good = call(name, m1[:3], s1[:3], m2[:3], s2[:3], form=form)
    np.testing.assert_allclose(value[:3], good, rtol=1e-12)
    if form in ("cov", "diag", "precision"):
        out = np.full(5, 7.0)
        with pytest.raises(np.linalg.LinAlgError, match=f"{name}: .* at batch index \\(3,\\)"):
            call(name, m1, s1, m2, bad, form=form, out=out)
        np.testing.assert_array_equal(out, 7.0)


@pytest.mark.parametrize("d", [3, 130])
@pytest.mark.parametrize("name", PAIRS)
def test_asymmetry(name, d, rng):
    m1, s1, m2, s2 = random_pair(rng, d, ((2,), (2,), (2,), (2,)))
    s1[1, 0, 2] += 0.5
    with pytest.raises((ValueError, np.linalg.LinAlgError), match="at batch index \\(1,\\)"):
        call(name, m1, s1, m2, s2)
    value = call(name, m1, s1, m2, s2, errors="nan")
    if name != "mahalanobis":  # whose mean of covariances is what counts
        np.testing.assert_array_equal(np.isnan(value), [False, True])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PAIRS)
def test_nan_in_a_mean_stays_in_its_item(name, form, rng):
    m1, s1, m2, s2 = random_pair(rng, 3, ((4,), (4,), (4,), (4,)), form)
    m1[2, 1] = np.nan
    value = call(name, m1, s1, m2, s2, form=form)
    np.testing.assert_array_equal(np.isnan(value), np.arange(4) == 2)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("d", [2, 130])
def test_empty_batches(name, d, rng):
    m1, s1, m2, s2 = random_pair(rng, d, ((0, 3), (3,), (), (1, 1)))
    assert call(name, m1, s1, m2, s2).shape == (0, 3)


def test_ranges(rng):
    given = random_pair(rng, 2)
    for alpha in (0, -1, 1, np.inf, np.nan):
        with pytest.raises(ValueError, match="renyi: alpha is"):
            gaussian.renyi(*given, alpha=alpha)
    for weight in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="geometric_js: weight is"):
            gaussian.geometric_js(*given, weight=weight)
    for form in ("cov", "diag"):
        with pytest.raises(ValueError, match="entropy: cov has shape"):
            gaussian.entropy(np.float64(1), form=form)
    with pytest.raises(np.linalg.LinAlgError, match=r"log_prob: .*not positive definite"):
        gaussian.log_prob(given[0], given[0], -given[1])
    assert np.isnan(gaussian.entropy(-given[1], errors="nan"))
    with pytest.raises(ValueError, match="size is -1"):
        gaussian.sample(given[0], given[1], -1)
    integers = gaussian.kl([0, 0], [[1, 0], [0, 1]], [0, 0], [[1, 0], [0, 1]])
    assert integers == 0
    assert integers.dtype == np.float64


def test_extreme_scales(rng):
    m1, s1, m2, s2 = random_pair(rng, 6)
    plain = [call(name, m1, s1, m2, s2) for name in PAIRS[:-1]]
    for scale in (1e-140, 1e-60, 1e60, 1e140):
        for name, value in zip(PAIRS[:-1], plain, strict=True):
            got = call(name, m1 * scale, s1 * scale**2, m2 * scale, s2 * scale**2)
            wanted = value * scale if name == "wasserstein2" else value
            np.testing.assert_allclose(got, wanted, rtol=1e-10)


def test_ill_conditioned_covariances(rng):
    """Singular values of the product that eigenvalues of its square do not see."""
    q = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    values = np.logspace(0, -14, 8)
    s1 = (q * values) @ q.T
    s2 = (q * values[::-1]) @ q.T
    s1, s2 = ((s + s.T) / 2 for s in (s1, s2))
    exact = np.sum((np.sqrt(values) - np.sqrt(values[::-1])) ** 2)
    got = gaussian.wasserstein2(np.zeros(8), s1, np.zeros(8), s2, squared=True)
    np.testing.assert_allclose(got, exact, rtol=1e-7)
    assert random_cov(rng, 1).shape == (1, 1)


@pytest.mark.parametrize("d", [2, 60, 200])
def test_nan_above_the_diagonal_is_seen(d):
    cov, mean = np.eye(d), np.zeros(d)
    cov[0, -1] = np.nan
    for call in (
        lambda errors: gaussian.kl(mean, cov, mean, np.eye(d), errors=errors),
        lambda errors: gaussian.wasserstein2(mean, cov, mean, cov, errors=errors),
        lambda errors: gaussian.entropy(cov, errors=errors),
    ):
        with pytest.raises((ValueError, np.linalg.LinAlgError)):
            call("raise")
        assert np.isnan(call("nan"))


def test_equal_covariances_that_are_none_are_no_match():
    bad = np.array([[1.0, 2], [2, 1]])
    assert np.isnan(gaussian.wasserstein2(np.zeros(2), bad, np.zeros(2), bad, errors="nan"))


@pytest.mark.parametrize("far", [1e200, np.inf])
def test_one_far_mean_leaves_the_other_pairs_alone(far, rng):
    mean, cov = rng.normal(size=(3, 2)), np.stack([np.eye(2)] * 3)
    moved = mean.copy()
    moved[0, 0] = far
    found = gaussian.pairwise("kl", moved, cov, mean, cov)
    np.testing.assert_allclose(found[1:], gaussian.pairwise("kl", mean, cov)[1:], rtol=1e-12)


@pytest.mark.parametrize("name", ["kl", "wasserstein2", "bhattacharyya"])
@pytest.mark.parametrize("form", ["tril", "factor"])
def test_factors_that_are_not_finite(name, form):
    factor, mean = np.array([[1.0, 0], [np.nan, 1]]), np.zeros(2)
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        call(name, mean, factor, mean + 1, np.eye(2), form=form)
    assert np.isnan(call(name, mean, factor, mean + 1, np.eye(2), form=form, errors="nan"))

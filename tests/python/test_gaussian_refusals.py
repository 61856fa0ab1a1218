# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Bad covariances, weights, shapes and scales that are easily let through."""

import warnings

import numpy as np
import pytest

from isokern import gaussian

I2, ZERO = np.eye(2), np.zeros(2)
BAD = np.array([[1.0, 2], [2, 1]])
ASYMMETRIC = np.array([[1.0, 0.5], [0, 1]])


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e-10, 1, 1e10, 1e30, 1e38])
def test_moments_of_any_scale_in_float32(scale, rng):
    x = (rng.uniform(-1, 1, size=(5000, 3)) * scale * np.array([1, 0.3, 1e-3])).astype(np.float32)
    exact = np.cov(x.astype(np.float64).T)
    got = gaussian.Moments(3).update(x)
    size = np.sqrt(np.diag(exact))
    np.testing.assert_allclose(got.cov() / size / size[:, None], exact / size / size[:, None],
                               atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(got.mean / size, np.mean(x.astype("f8"), axis=0) / size, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-300, 1e-60, 1, 1e60, 1e140])
def test_weights_of_any_scale(scale, dtype, rng):
    x, w = rng.normal(size=(500, 3)).astype(dtype), rng.uniform(size=500)
    plain = gaussian.Moments(3).update(x, w)
    got = gaussian.Moments(3).update(x, w * scale)
    np.testing.assert_allclose(got.cov(0), plain.cov(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(got.mean, plain.mean, rtol=1e-5, atol=1e-6)


def test_both_covariances_count():
    for bad in (BAD, ASYMMETRIC):
        for one, other, name in ((bad, 10 * I2, "cov1"), (10 * I2, bad, "cov2")):
            with pytest.raises((ValueError, np.linalg.LinAlgError), match=f"mahalanobis: {name}"):
                gaussian.mahalanobis(ZERO, one, ZERO + 1, other)
            assert np.isnan(gaussian.mahalanobis(ZERO, one, ZERO + 1, other, errors="nan"))


@pytest.mark.parametrize("weight", [0, 0.5, 1])
@pytest.mark.parametrize("form", ["cov", "precision"])
def test_geometric_js_of_bad_covariances(form, weight):
    for one, other, name in ((BAD, I2, "cov1"), (I2, BAD, "cov2")):
        with pytest.raises(np.linalg.LinAlgError, match=f"geometric_js: {name}"):
            gaussian.geometric_js(ZERO, one, ZERO, other, weight=weight, form=form)
        options = {"weight": weight, "form": form, "errors": "nan"}
        for dual in (False, True):
            assert np.isnan(gaussian.geometric_js(ZERO, one, ZERO, other, dual=dual, **options))
    for bad in (-1, 2, np.nan):
        with pytest.raises(ValueError, match="geometric_js_vjp: weight is"):
            gaussian.geometric_js_vjp(1.0, ZERO, I2, ZERO, I2, weight=bad)


def test_samples_of_what_is_not_symmetric():
    assert np.all(np.isnan(gaussian.sample(ZERO, ASYMMETRIC, 3, errors="nan")))
    with pytest.raises(ValueError, match="sample: cov is not symmetric"):
        gaussian.sample(ZERO, ASYMMETRIC)
    with pytest.raises(np.linalg.LinAlgError, match="log_prob: cov is not positive definite"):
        gaussian.log_prob(ZERO, ZERO, BAD)


def test_shapes_of_gradients():
    for cov in (3.0, np.ones(3), np.ones((2, 3))):
        with pytest.raises(ValueError, match="entropy_vjp: cov has shape"):
            gaussian.entropy_vjp(1.0, cov)
    with pytest.raises(ValueError, match="entropy_vjp: cov has shape"):
        gaussian.entropy_vjp(1.0, 3.0, form="diag")
    with pytest.raises(ValueError, match="log_prob_vjp: mean has shape"):
        gaussian.log_prob_vjp(1.0, ZERO, np.zeros(3), I2)
    with pytest.raises(ValueError, match="log_prob_vjp: cotangent has shape"):
        gaussian.log_prob_vjp(np.ones(3), ZERO, ZERO, I2)


@pytest.mark.parametrize("ddof", [-1, 0, 1])
def test_frechet_distance_of_nothing(ddof, rng):
    y = rng.normal(size=(5, 2))
    for pair in ((y[:0], y), (y, y[:0])):
        with pytest.raises(ValueError, match=r"frechet_distance: [xy] has 0 vectors"):
            gaussian.frechet_distance(*pair, ddof=ddof)


def test_large_weights_of_a_barycentre(rng):
    means, covs = rng.normal(size=(3, 2)), np.stack([I2, 4 * I2, I2])
    got = gaussian.barycenter(means, covs, [1e308, 1e308, 5e307])
    wanted = gaussian.barycenter(means, covs, [2, 2, 1])
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("d", [2, 130])
@pytest.mark.parametrize("form", ["cov", "diag"])
def test_infinite_renyi_with_a_bad_mean(d, form):
    cov = np.eye(d) if form == "cov" else np.ones(d)
    mean = np.zeros(d)
    assert gaussian.renyi(mean, 10 * cov, mean, cov, alpha=3.0, form=form) == np.inf
    mean[-1] = np.nan
    assert np.isnan(gaussian.renyi(mean, 10 * cov, np.zeros(d), cov, alpha=3.0, form=form))


METRICS = ("kl", "jeffreys", "cross_entropy", "bhattacharyya", "hellinger", "renyi",
           "geometric_js", "mahalanobis", "wasserstein2")  # fmt: skip


@pytest.mark.parametrize("d", [2, 130])
@pytest.mark.parametrize("method", ["auto", "solve", "gemm"])
@pytest.mark.parametrize("metric", METRICS)
def test_places_of_bad_covariances_in_sets(metric, method, d):
    covs = np.stack([np.eye(d)] * 3)
    covs[2] *= -1
    options = {"alpha": 0.5} if metric == "renyi" else {}
    for one, other, name in ((covs, covs[:2], "cov1"), (covs[:2], covs, "cov2")):
        means = np.zeros((len(one), d)), np.zeros((len(other), d))
        text = rf"pairwise: {name} .* at batch index \(2,\)"
        with pytest.raises(np.linalg.LinAlgError, match=text):
            gaussian.pairwise(metric, means[0], one, means[1], other, method=method, **options)


def test_overflow_is_not_hidden():
    means = np.array([[1e200, 0.0], [0, 0]])
    with pytest.warns(RuntimeWarning):
        gaussian.pairwise("kl", means, np.stack([I2, I2]), method="gemm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gaussian.pairwise("kl", means, np.stack([I2, I2]))


def test_lower_bound():
    with pytest.raises(np.linalg.LinAlgError, match="lower_bound: cov1 is not positive definite"):
        gaussian.wasserstein2_lower_bound(ZERO, BAD, ZERO, I2)
    with pytest.raises(ValueError, match="lower_bound: cov2 is not symmetric"):
        gaussian.wasserstein2_lower_bound(ZERO, I2, ZERO, ASYMMETRIC)
    with pytest.raises(np.linalg.LinAlgError, match="cov1"):
        gaussian.wasserstein2_lower_bound(ZERO, -ZERO - 1, ZERO, ZERO, form="diag")
    with pytest.raises(np.linalg.LinAlgError, match="cov1"):
        gaussian.wasserstein2_lower_bound(ZERO, np.nan * I2, ZERO, I2, form="tril")
    floats = [x.astype(np.float32) for x in (ZERO, I2, ZERO + 1, I2)]
    assert gaussian.wasserstein2_lower_bound(*floats).dtype == np.float32
    with pytest.raises(TypeError, match="mean2 has dtype float64"):
        gaussian.wasserstein2_lower_bound(*floats[:2], ZERO, I2)

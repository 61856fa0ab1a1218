# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Equal covariances that are given in different ways, and refusals that all functions share."""

import numpy as np
import pytest

from isokern import gaussian

ZERO = np.zeros(4)


def split(size):
    """I + size^2 e e^T as F F^T + D, and as a diagonal alone."""
    f = np.zeros((4, 1))
    f[0] = size
    return (f, np.ones(4)), (np.zeros((4, 0)), np.array([1 + size**2, 1, 1, 1]))


@pytest.mark.parametrize("size", [0.5, 3, 1e2, 1e4])
def test_equal_covariances_split_differently(size):
    one, other = split(size)
    for a, b in ((one, other), (other, one)):
        kl = gaussian.kl(ZERO, a, ZERO, b, form="factor")
        assert 0 <= kl < 1e-16 * size**2 + 1e-15
        assert 0 <= gaussian.renyi(ZERO, a, ZERO, b, alpha=0.5, form="factor") < 1e-15 * size**2
        assert 0 <= gaussian.hellinger(ZERO, a, ZERO, b, form="factor") < 4e-8 * size
    moved = (other[0], 1.001 * other[1])
    wanted = gaussian.kl(ZERO, np.eye(4), ZERO, 1.001 * np.eye(4))
    assert gaussian.kl(ZERO, one, ZERO, moved, form="factor") == pytest.approx(wanted, rel=1e-6)


def test_random_splits():
    rng = np.random.default_rng(5)
    for _ in range(100):
        f, d = rng.standard_normal((5, 2)), rng.uniform(0.1, 1.1, 5)
        column = np.zeros((5, 1))
        column[rng.integers(5)] = rng.uniform(0, 3)
        one = (np.concatenate([f, column], axis=1), d)
        other = (f, d + column[:, 0] ** 2)
        mean = np.zeros(5)
        assert 0 <= gaussian.kl(mean, one, mean, other, form="factor") < 1e-13
        assert 0 <= gaussian.hellinger(mean, one, mean, other, form="factor") < 1e-6


def test_mahalanobis_refuses_each_covariance():
    bad, good = (np.zeros((2, 1)), np.array([-0.5, 1.0])), (np.zeros((2, 1)), np.ones(2))
    points = (np.zeros(2), np.ones(2))
    value = gaussian.mahalanobis(points[0], bad, points[1], good, form="factor", errors="nan")
    assert np.isnan(value)
    bars = gaussian.mahalanobis_vjp(
        1.0, points[0], bad, points[1], good, form="factor", errors="nan"
    )
    assert np.all(np.isnan(bars[0]))
    indefinite = np.diag([-0.5, 1.0])
    with pytest.raises(np.linalg.LinAlgError, match="cov1"):
        gaussian.mahalanobis_vjp(1.0, points[0], indefinite, points[1], np.eye(2))
    bars = gaussian.mahalanobis_vjp(1.0, points[0], indefinite, points[1], np.eye(2), errors="nan")
    assert all(np.all(np.isnan(bar)) for bar in bars)


PAIRS = ["kl", "jeffreys", "cross_entropy", "bhattacharyya", "hellinger", "geometric_js",
         "mahalanobis", "renyi"]  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_triangles_must_be_cholesky_factors(name):
    alpha = {"alpha": 0.5} if name == "renyi" else {}
    mean, bad, good = np.zeros(2), -np.eye(2), np.eye(2)
    for function, head in ((name, ()), (f"{name}_vjp", (1.0,))):
        call = getattr(gaussian, function)
        with pytest.raises(np.linalg.LinAlgError, match=r"cov2 .*batch index \(\)"):
            call(*head, mean, good, mean, bad, form="tril", **alpha)
        result = call(*head, mean, good, mean, bad, form="tril", errors="nan", **alpha)
        assert np.all(np.isnan(result[0] if head else result))


@pytest.mark.parametrize("name", PAIRS)
def test_triangles_of_sets_must_be_cholesky_factors(name):
    alpha = {"alpha": 0.5} if name == "renyi" else {}
    means, good = np.zeros((2, 2)), np.stack([np.eye(2)] * 2)
    bad = np.stack([np.eye(2), -np.eye(2)])
    with pytest.raises(np.linalg.LinAlgError, match=r"cov2 .*batch index \(1,\)"):
        gaussian.pairwise(name, means, good, means, bad, form="tril", **alpha)
    table = gaussian.pairwise(name, means, good, means, bad, form="tril", errors="nan", **alpha)
    np.testing.assert_array_equal(np.isnan(table), [[False, True], [False, True]])


def test_single_triangles_must_be_cholesky_factors():
    with pytest.raises(np.linalg.LinAlgError):
        gaussian.entropy_vjp(1.0, -np.eye(2), form="tril")
    with pytest.raises(np.linalg.LinAlgError):
        gaussian.log_prob_vjp(1.0, np.ones(2), np.zeros(2), -np.eye(2), form="tril")


@pytest.mark.parametrize("form", ["tril", "factor"])
@pytest.mark.parametrize("c", [1e-5, 1e-9, 1e-12])
def test_gradients_of_narrow_factors(form, c):
    lower = np.array([[1.0, 0], [1, c]])
    bar = gaussian.entropy_vjp(1.0, lower, form=form)
    np.testing.assert_allclose(bar[1, 1], 1 / c, rtol=1e-12)
    z = np.array([0.5, -0.25])
    x_bar, _, _ = gaussian.log_prob_vjp(1.0, lower @ z, np.zeros(2), lower, form=form)
    np.testing.assert_allclose(x_bar, -np.linalg.solve(lower.T, z), rtol=1e-3)


@pytest.mark.parametrize("form", ["tril", "factor"])
def test_samples_of_factors_that_are_not_finite(form):
    bad = np.array([[np.nan, 0], [0, 1.0]])
    with pytest.raises(np.linalg.LinAlgError, match=r"batch index \(1,\)"):
        gaussian.sample(np.zeros(2), np.stack([np.eye(2), bad]), form=form)
    drawn = gaussian.sample(np.zeros(2), np.stack([np.eye(2), bad]), form=form, errors="nan")
    assert np.all(np.isfinite(drawn[0]))
    assert np.all(np.isnan(drawn[1]))


@pytest.mark.parametrize("form", ["cov", "factor"])
def test_samples_do_not_depend_on_their_neighbours(form):
    rng = np.random.default_rng(3)
    a = rng.standard_normal((3, 3))
    s = a @ a.T if form == "cov" else a
    singular = np.diag([1.0, 1, 0])
    alike = gaussian.sample(np.zeros((2, 3)), np.stack([s, s]), seed=1, form=form)
    beside = gaussian.sample(np.zeros((2, 3)), np.stack([s, singular]), seed=1, form=form)
    np.testing.assert_array_equal(alike[0], beside[0])

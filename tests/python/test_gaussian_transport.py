# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Transport between normals: maps, geodesics, barycentres, bounds."""

import numpy as np
import pytest
from gaussians import FORMS, in_form, random_cov, random_pair

from isokern import gaussian


def roots(cov):
    values, vectors = np.linalg.eigh(cov)
    return (vectors * np.sqrt(np.maximum(values, 0))[..., None, :]) @ np.swapaxes(vectors, -1, -2)


@pytest.mark.parametrize("form", FORMS)
def test_the_map(form, rng):
    m1, s1, m2, s2 = random_pair(rng, 4, ((3,), (3,), (3,), (3,)))
    if form == "diag":
        s1, s2 = (s * np.eye(4) for s in (s1, s2))
    given = m1, in_form(s1, form, rng), m2, in_form(s2, form, rng)
    t, shift = gaussian.monge_map(*given, form=form)
    np.testing.assert_allclose(t @ s1 @ t, s2, atol=1e-12)
    np.testing.assert_allclose(t, np.swapaxes(t, 1, 2))
    assert np.all(np.linalg.eigvalsh(t) > 0)
    np.testing.assert_allclose((t @ m1[..., None])[..., 0] + shift, m2, atol=1e-12)
    x = rng.normal(size=(3, 6, 4))
    y = gaussian.monge_map(*given, x, form=form)
    np.testing.assert_allclose(y, x @ t + shift[:, None], atol=1e-12)


def test_the_map_from_a_singular_distribution(rng):
    f = rng.normal(size=(4, 2))
    zero, s2 = np.zeros(4), f @ np.array([[2.0, 0.3], [0.1, 0.7]])
    t, _ = gaussian.monge_map(zero, f, zero, s2, form="factor")
    np.testing.assert_allclose(t @ f @ f.T @ t, s2 @ s2.T, atol=1e-12)


def test_against_pot(rng):
    ot = pytest.importorskip("ot")
    m1, s1, m2, s2 = random_pair(rng, 5)
    a, b = ot.gaussian.bures_wasserstein_mapping(m1, m2, s1, s2)
    t, shift = gaussian.monge_map(m1, s1, m2, s2)
    np.testing.assert_allclose(t, a, rtol=1e-9)
    np.testing.assert_allclose(shift, np.ravel(b), rtol=1e-8)
    wanted = ot.gaussian.bures_wasserstein_distance(m1, m2, s1, s2)
    np.testing.assert_allclose(gaussian.wasserstein2(m1, s1, m2, s2), wanted, rtol=1e-10)
    means, covs = rng.normal(size=(4, 5)), random_cov(rng, 4, 5)
    w = np.array([0.1, 0.2, 0.3, 0.4])
    mean, cov = ot.gaussian.bures_wasserstein_barycenter(means, covs, weights=w, eps=1e-13)
    got = gaussian.barycenter(means, covs, w)
    np.testing.assert_allclose(got[0], np.ravel(mean), rtol=1e-12)
    np.testing.assert_allclose(got[1], cov, rtol=1e-8)


def test_geodesics(rng):
    m1, s1, m2, s2 = given = random_pair(rng, 4)
    whole = gaussian.wasserstein2(*given)
    t = np.array([0.0, 0.25, 1.0])
    means, covs = gaussian.geodesic(*given, t)
    assert covs.shape == (3, 4, 4)
    np.testing.assert_allclose(covs[[0, 2]], [s1, s2], atol=1e-13)
    for mean, cov, at in zip(means, covs, t, strict=True):
        got = gaussian.wasserstein2(m1, s1, mean, cov)
        np.testing.assert_allclose(got, at * whole, rtol=1e-10, atol=1e-12)
    flat = rng.normal(size=(2, 3, 4, 1))
    mean, cov = gaussian.geodesic(m1, flat[0], m2, flat[1], 0.5, form="factor")
    assert (mean.shape, cov.shape) == ((3, 4), (3, 4, 4))
    np.testing.assert_allclose(np.linalg.eigvalsh(cov)[:, :3], 0, atol=1e-12)
    with pytest.raises(ValueError, match="from 0 to 1"):
        gaussian.geodesic(*given, 1.5)


@pytest.mark.parametrize("form", FORMS)
def test_barycentres(form, rng):
    covs = random_cov(rng, 5, 4)
    if form == "diag":
        covs = covs * np.eye(4)
    w = rng.uniform(size=5)
    means = rng.normal(size=(5, 4))
    mean, cov = gaussian.barycenter(means, in_form(covs, form, rng), w, form=form)
    w = w / w.sum()
    np.testing.assert_allclose(mean, w @ means)
    root = roots(cov)
    fixed = np.einsum("i,ijk->jk", w, roots(root @ covs @ root))
    np.testing.assert_allclose(fixed, cov, atol=1e-10)
    two = gaussian.barycenter(means[:2], in_form(covs, form, rng)[:2], [0.75, 0.25], form=form)
    path = gaussian.geodesic(
        means[0],
        in_form(covs, form, rng)[0],
        means[1],
        in_form(covs, form, rng)[1],
        0.25,
        form=form,
    )
    np.testing.assert_allclose(two[1], path[1], atol=1e-9)


def test_barycentres_of_singular_covariances(rng):
    f = rng.normal(size=(3, 5, 2))
    f[:, 2:] = 0
    _, cov = gaussian.barycenter(np.zeros((3, 5)), f, form="factor")
    _, small = gaussian.barycenter(np.zeros((3, 2)), f[:, :2] @ np.swapaxes(f[:, :2], 1, 2))
    np.testing.assert_allclose(cov[:2, :2], small, atol=1e-10)
    np.testing.assert_allclose(cov[2:], 0, atol=1e-12)
    for weights, text in (([1, -1, 1], "negative"), ([0, 0, 0], "zero"), ([1, 1], "shape")):
        with pytest.raises(ValueError, match=text):
            gaussian.barycenter(np.zeros((3, 5)), f, weights, form="factor")
    with pytest.raises(np.linalg.LinAlgError, match="no convergence"):
        gaussian.barycenter(np.zeros((3, 2)), random_cov(rng, 3, 2), max_iter=1, tol=0.0)


def test_the_bound_and_the_search(rng):
    m1, s1, m2, s2 = random_pair(rng, 4, ((9,), (9,), (40,), (40,)))
    s2 *= rng.uniform(0.1, 5, size=(40, 1, 1))
    exact = gaussian.pairwise("wasserstein2", m1, s1, m2, s2)
    bound = gaussian.wasserstein2_lower_bound(m1[:, None], s1[:, None], m2, s2)
    assert np.all(bound <= exact * (1 + 1e-12))
    diag = [np.diagonal(s, axis1=1, axis2=2) for s in (s1, s2)]
    both = np.sort(diag[0]), np.sort(diag[1])[:9]
    np.testing.assert_allclose(
        gaussian.wasserstein2_lower_bound(m1, both[0], m2[:9], both[1], form="diag"),
        gaussian.wasserstein2(m1, both[0], m2[:9], both[1], form="diag"),
    )
    for k in (1, 3, 40):
        distances, indices = gaussian.nearest(m1, s1, m2, s2, k)
        wanted = np.argsort(exact, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(indices, wanted)
        np.testing.assert_allclose(distances, np.take_along_axis(exact, wanted, 1), rtol=1e-12)
    with pytest.raises(ValueError, match="k is 41"):
        gaussian.nearest(m1, s1, m2, s2, 41)


def test_the_map_of_a_support_leads_out_of_it():
    zero, v = np.zeros(2), np.ones((2, 1))
    first, second = np.diag([1.0, 0.0]), v @ v.T
    t, _ = gaussian.monge_map(zero, first, zero, second)
    np.testing.assert_allclose(t @ first @ t.T, second, atol=1e-14)
    np.testing.assert_allclose(t, t.T)


def test_nearest_among_singular_covariances(rng):
    f, turn, zero = rng.normal(size=(4, 2)), np.linalg.qr(rng.normal(size=(2, 2)))[0], np.zeros(4)
    means = np.zeros((11, 4))
    means[:10, 0] = np.linspace(1e-9, 2e-9, 10)
    factors = np.stack([f] * 10 + [f @ turn])
    _, index = gaussian.nearest(zero[None], f[None], means, factors, form="factor")
    assert index[0, 0] == 10
    with pytest.raises(ValueError, match="mean2"):
        gaussian.wasserstein2_lower_bound(np.zeros(3), np.eye(3), np.ones(1), np.eye(1))

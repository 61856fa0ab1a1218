# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Divergences between normals against their definitions, and against libraries of others."""

import math

import numpy as np
import pytest
from gaussians import FORMS, MEASURES, in_form, random_cov, random_pair
from support import FLOATS, LAYOUTS, same_bits

import isokern
from isokern import gaussian, reference

CASES = [(name, options) for name, all_options in MEASURES.items() for options in all_options]
IDS = [f"{name}-{options}" for name, options in CASES]
BATCHES = [
    ((), (), (), ()),
    ((3,), (3,), (3,), (3,)),
    ((2, 1), (1, 3), (), (3,)),
    ((), (), (4, 1), (1, 5)),
]


def relative(got, exact):
    got, exact = np.asarray(got, dtype=float), np.asarray(exact, dtype=float)
    assert got.shape == exact.shape
    same = np.isinf(got) & np.isinf(exact)
    got, exact = np.where(same, 1, got), np.where(same, 1, exact)
    return float(np.max(np.abs(got - exact) / np.abs(exact), initial=0))


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_agreement_with_the_definition(dtype, form, name, options, rng):
    measure, definition = getattr(gaussian, name), getattr(reference.gaussian, name)
    eps = np.finfo(dtype).eps
    for d in (1, 2, 3, 5, 8, 13):
        for batches in BATCHES[: 2 if d > 5 else 4]:
            given = random_pair(rng, d, batches, form, dtype)
            kept = [value.copy() for value in given]
            got = measure(*given, form=form, **options)
            exact = definition(*(value.astype(float) for value in given), form=form, **options)
            assert np.asarray(got).dtype == dtype
            limit = 1e-6 if options.get("alpha", 0) > 1 else 2000
            budget = limit if limit < 1 else limit * eps
            assert relative(got, exact) <= (budget if dtype == np.float64 else 4 * eps)
            for value, before in zip(given, kept, strict=True):
                np.testing.assert_array_equal(value, before)


@pytest.mark.parametrize("d", [31, 64, 128, 150])
@pytest.mark.parametrize("name", ["kl", "bhattacharyya", "renyi", "wasserstein2"])
def test_larger_dimensions(name, d, rng):
    options = {"alpha": 0.4} if name == "renyi" else {}
    given = random_pair(rng, d, ((2,), (2,), (2,), (2,)))
    got = getattr(gaussian, name)(*given, **options)
    m1, s1, m2, s2 = given
    logs = [np.linalg.slogdet(s)[1] for s in (s1, s2)]
    delta = m1 - m2

    def square(s):
        return np.einsum("...i,...i", delta, np.linalg.solve(s, delta[..., None])[..., 0])

    if name == "kl":
        traces = np.trace(np.linalg.solve(s2, s1), axis1=-2, axis2=-1)
        exact = (traces - d + logs[1] - logs[0] + square(s2)) / 2
    elif name == "wasserstein2":
        cross = np.sqrt(np.linalg.eigvals(s1 @ s2).real).sum(axis=-1)
        traces = np.trace(s1 + s2, axis1=-2, axis2=-1)
        exact = np.sqrt(np.sum(delta**2, axis=-1) + traces - 2 * cross)
    else:
        a = options.get("alpha", 0.5)
        mixed = a * s2 + (1 - a) * s1
        parts = np.linalg.slogdet(mixed)[1] - (1 - a) * logs[0] - a * logs[1]
        exact = a / 2 * square(mixed) - parts / (2 * (a - 1))
        exact = exact / 2 if name == "bhattacharyya" else exact
    assert relative(got, exact) <= 1e-11
    near = given[1] + 1e-7 * given[3]
    value = getattr(gaussian, name)(m1, given[1], m1, near, **options)
    some = getattr(reference.gaussian, name)(m1[0], given[1][0], m1[0], near[0], **options)
    assert relative(value[0], some) <= (1e-5 if name == "wasserstein2" else 1e-10)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("d", [1, 4, 9, 40, 140])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_equal_arguments_give_zero(name, options, d, form, rng):
    if name == "cross_entropy":
        return
    mean, cov = rng.normal(size=(3, d)), in_form(random_cov(rng, 3, d), form, rng)
    value = getattr(gaussian, name)(mean, cov, mean.copy(), cov.copy(), form=form, **options)
    np.testing.assert_array_equal(value, 0)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("name", ["kl", "jeffreys", "bhattacharyya", "renyi", "hellinger"])
def test_nearly_equal_arguments_keep_their_digits(name, step, rng):
    options = {"alpha": 0.8} if name == "renyi" else {}
    for rows in (20, 9):  # of a condition of about 10 and of 1e4
        m1, s1, _, other = random_pair(rng, 8, ((5,), (5,), (5,), (5,)))
        s1 = random_cov(rng, 5, 8, rows=rows)
        m2, s2 = m1 + step * rng.normal(size=8), s1 + step * other
        got = getattr(gaussian, name)(m1, s1, m2, s2, **options)
        exact = getattr(reference.gaussian, name)(m1, s1, m2, s2, **options)
        assert relative(got, exact) <= 1e-10
        got = gaussian.wasserstein2(m1, s1, m1, s2)
        exact = reference.gaussian.wasserstein2(m1, s1, m1, s2)
        assert relative(got, exact) <= 1e-12 / step + 1e-12


def test_renyi_towards_its_limits(rng):
    given = random_pair(rng, 5, ((4,), (4,), (4,), (4,)))
    for gap in (1e-4, 1e-8, 1e-12):
        for alpha in (1 - gap, 1 + gap):
            np.testing.assert_allclose(
                gaussian.renyi(*given, alpha=alpha), gaussian.kl(*given), rtol=1e3 * gap + 1e-11
            )
    half = gaussian.renyi(*given, alpha=0.5)
    np.testing.assert_allclose(half, 2 * gaussian.bhattacharyya(*given), rtol=1e-13)
    wide, narrow = np.eye(2) * 9.0, np.eye(2)
    assert gaussian.renyi(np.zeros(2), wide, np.zeros(2), narrow, alpha=2.0) == math.inf


@pytest.mark.parametrize("name", ["kl", "bhattacharyya", "renyi", "wasserstein2"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_memory(layout, name, rng):
    options = {"alpha": 0.3} if name == "renyi" else {}
    given = random_pair(rng, 5, ((4,), (4,), (4,), (4,)))
    wanted = getattr(gaussian, name)(*given, **options)
    laid = [LAYOUTS[layout](value) for value in given]
    for value in laid:
        value.flags.writeable = False
    np.testing.assert_array_equal(getattr(gaussian, name)(*laid, **options), wanted)


@pytest.mark.parametrize("name", ["kl", "bhattacharyya", "renyi", "wasserstein2"])
def test_the_same_bits_with_any_threads_and_any_split(name, rng):
    options = {"alpha": 0.3} if name == "renyi" else {}
    measure = getattr(gaussian, name)
    given = random_pair(rng, 24, ((301,), (301,), (301,), (301,)))
    given[3][7] = given[1][7]
    given[3][8] = given[1][8] * (1 + 1e-9)
    same_bits(lambda: measure(*given, **options))
    whole = measure(*given, **options)
    for part in (slice(0, 1), slice(3, 9), slice(7, 300)):
        np.testing.assert_array_equal(
            measure(*(value[part] for value in given), **options), whole[part]
        )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("d", [1, 3, 8, 20])
def test_one_distribution(d, form, rng):
    stats = pytest.importorskip("scipy.stats")
    cov = random_cov(rng, d)
    cov = np.diag(np.diag(cov)) if form == "diag" else cov
    mean, x = rng.normal(size=d), rng.normal(size=(7, d))
    given = in_form(cov, form, rng)
    frozen = stats.multivariate_normal(mean, cov)
    np.testing.assert_allclose(
        gaussian.log_prob(x, mean, given, form=form), np.atleast_1d(frozen.logpdf(x)), rtol=1e-11
    )
    np.testing.assert_allclose(gaussian.entropy(given, form=form), frozen.entropy(), rtol=1e-11)
    for name, arguments in (("log_prob", (x, mean, given)), ("entropy", (given,))):
        np.testing.assert_allclose(
            getattr(gaussian, name)(*arguments, form=form),
            getattr(reference.gaussian, name)(*arguments, form=form),
            rtol=1e-12,
        )
    covs = np.stack([given] * 3)
    batch = gaussian.log_prob(x[:3], mean, covs, form=form)
    np.testing.assert_allclose(batch, gaussian.log_prob(x[:3], mean, given, form=form), rtol=1e-13)
    assert gaussian.log_prob(x[:, None], mean, covs, form=form).shape == (7, 3)


def test_against_torch(rng):
    torch = pytest.importorskip("torch")
    given = random_pair(rng, 6, ((9,), (9,), (9,), (9,)))
    p, q = (
        torch.distributions.MultivariateNormal(torch.tensor(m), torch.tensor(s))
        for m, s in (given[:2], given[2:])
    )
    wanted = torch.distributions.kl_divergence(p, q).numpy()
    np.testing.assert_allclose(gaussian.kl(*given), wanted, rtol=1e-12)
    cross = gaussian.cross_entropy(*given) - gaussian.entropy(given[1])
    np.testing.assert_allclose(cross, wanted, rtol=1e-11)


def test_singular_covariances(rng):
    for d, r1, r2 in ((4, 2, 3), (6, 1, 6), (3, 0, 2)):
        f1, f2 = rng.normal(size=(2, d, r1)), rng.normal(size=(2, d, r2))
        m1, m2 = rng.normal(size=(2, 2, d))
        s1, s2 = f1 @ np.swapaxes(f1, 1, 2), f2 @ np.swapaxes(f2, 1, 2)
        exact = [
            math.sqrt(
                np.sum((m1[i] - m2[i]) ** 2)
                + np.trace(s1[i] + s2[i])
                - 2 * np.linalg.svd(f1[i].T @ f2[i], compute_uv=False).sum()
            )
            for i in range(2)
        ]
        np.testing.assert_allclose(
            gaussian.wasserstein2(m1, f1, m2, f2, form="factor"), exact, rtol=1e-12
        )
        np.testing.assert_allclose(gaussian.wasserstein2(m1, s1, m2, s2), exact, rtol=1e-7)
        assert np.all(gaussian.wasserstein2(m1, s1, m1, s1) == 0)
        assert np.all(gaussian.kl(m1, f1, m2, f2, form="factor") == math.inf)
    f = rng.normal(size=(4, 2))
    turn = np.array([[3.0, 1.0], [0.5, 2.0]])
    shift = f @ np.array([0.3, -0.2])
    zero = np.zeros(4)
    on_support = gaussian.kl(shift, f @ turn, zero, f, form="factor")
    plain = gaussian.kl([0.3, -0.2], turn, np.zeros(2), np.eye(2), form="factor")
    np.testing.assert_allclose(on_support, plain, rtol=1e-12)
    assert gaussian.kl(shift + np.eye(4)[0], f, zero, f, form="factor") == math.inf


def test_low_rank_plus_diagonal(rng):
    f1, f2 = rng.normal(size=(2, 3, 5, 2))
    d1, d2 = rng.uniform(0.5, 2, size=(2, 3, 5))
    m1, m2 = rng.normal(size=(2, 3, 5))
    covs = [f @ np.swapaxes(f, 1, 2) + d[..., None] * np.eye(5) for f, d in ((f1, d1), (f2, d2))]
    for name in ("kl", "wasserstein2", "bhattacharyya"):
        got = getattr(gaussian, name)(m1, (f1, d1), m2, (f2, d2), form="factor")
        np.testing.assert_allclose(got, getattr(gaussian, name)(m1, covs[0], m2, covs[1]))


def test_samples(rng):
    mean, cov = rng.normal(size=3), random_cov(rng, 3)
    x = gaussian.sample(mean, cov, 40_000, seed=5)
    assert x.shape == (40_000, 3)
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.06)
    np.testing.assert_array_equal(x[:10], gaussian.sample(mean, cov, 10, seed=5))
    f = rng.normal(size=(3, 1))
    flat = gaussian.sample(mean, f @ f.T, 50)
    residual = (flat - mean) - (flat - mean) @ (f @ f.T) / (f.T @ f)
    np.testing.assert_allclose(residual, 0, atol=1e-7)
    assert gaussian.sample(np.zeros((2, 3), np.float32), np.eye(3, dtype=np.float32)).shape == (
        2,
        3,
    )


def test_with_threads(thread_count, rng):
    assert isokern.get_num_threads() == thread_count
    given = random_pair(rng, 150)
    np.testing.assert_allclose(gaussian.kl(*given), reference_kl(*given), rtol=1e-11)


@pytest.mark.parametrize("batches", [((3,), (3,), (3,), (3,)), ((), (3,), (2, 1), ()), 4 * ((),)])
@pytest.mark.parametrize("form", ["cov", "tril"])
def test_large_pairs(batches, form, rng):
    m1, s1, m2, s2 = random_pair(rng, 230, batches)
    got = gaussian.kl(m1, in_form(s1, form), m2, in_form(s2, form), form=form)
    batch = got.shape
    for index in np.ndindex(batch):
        one = [np.broadcast_to(x, batch + x.shape[-1:])[index] for x in (m1, m2)]
        two = [np.broadcast_to(x, batch + x.shape[-2:])[index] for x in (s1, s2)]
        wanted = reference_kl(one[0], two[0], one[1], two[1])
        np.testing.assert_allclose(got[index], wanted, rtol=1e-11)


def reference_kl(m1, s1, m2, s2):
    logs = np.linalg.slogdet(s2)[1] - np.linalg.slogdet(s1)[1]
    delta = m1 - m2
    square = delta @ np.linalg.solve(s2, delta)
    return (np.trace(np.linalg.solve(s2, s1)) - len(m1) + logs + square) / 2

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Covariances F F^T + diag(D): against the definitions, their gradients, and without d x d."""

import tracemalloc

import numpy as np
import pytest
from gaussians import MEASURES

from isokern import gaussian, reference

CASES = [(name, options) for name, all_options in MEASURES.items() for options in all_options]
IDS = [f"{name}-{options}" for name, options in CASES]
WIDTHS = [(2, 2), (1, 3), (0, 2), (0, 0), (7, 3)]
STRUCTURED = [case for case in CASES if case[0] not in ("geometric_js", "wasserstein2")]


def lowrank(rng, d, r, batch=()):
    return rng.normal(size=(*batch, d, r)), rng.uniform(0.5, 2, size=(*batch, d))


def random_lowranks(rng, d, widths, batch=()):
    return [rng.normal(size=(*batch, d)), lowrank(rng, d, widths[0], batch),
            rng.normal(size=(*batch, d)), lowrank(rng, d, widths[1], batch)]  # fmt: skip


def dense(cov):
    f, d = cov
    return f @ f.swapaxes(-1, -2) + d[..., None] * np.eye(d.shape[-1])


def call(name, given, **options):
    return getattr(gaussian, name)(*given, form="factor", **options)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("widths", WIDTHS)
def test_values(name, options, widths, rng):
    given = random_lowranks(rng, 5, widths, (3,))
    m1, s1, m2, s2 = given
    exact = getattr(reference.gaussian, name)(*given, form="factor", **options)
    got = call(name, given, **options)
    np.testing.assert_allclose(got, exact, rtol=1e-9 if options.get("alpha", 0) > 1 else 1e-12)
    np.testing.assert_allclose(
        got, getattr(gaussian, name)(m1, dense(s1), m2, dense(s2), **options), rtol=1e-8
    )
    floats = [tuple(p.astype("f4") for p in x) if isinstance(x, tuple) else x.astype("f4")
              for x in given]  # fmt: skip
    assert call(name, floats, **options).dtype == np.float32
    all_pairs = gaussian.pairwise(name, *given, form="factor", **options)
    np.testing.assert_allclose(np.diagonal(all_pairs), got, rtol=1e-9)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-10, 0])
@pytest.mark.parametrize(
    "case", [c for c in CASES if c[0] not in ("cross_entropy", "mahalanobis")], ids=str
)
def test_nearly_equal(case, step, rng):
    name, options = case
    f, d = lowrank(rng, 6, 2)
    other = f + step * rng.normal(size=f.shape), d * (1 + step * rng.normal(size=6))
    given = [np.zeros(6), (f, d), np.zeros(6), other]
    got = call(name, given, **options)
    exact = getattr(reference.gaussian, name)(*given, form="factor", **options)
    if step == 0:
        assert got == 0
    else:  # the reference itself has 64 bits: it loses what is squared in them
        np.testing.assert_allclose(got, exact, rtol=max(1e-12, 1e-18 / step**1.2))


def test_nearly_equal_but_turned(rng):
    f, d = lowrank(rng, 6, 3)
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert gaussian.kl(np.zeros(6), (f, d), np.zeros(6), (f @ q, d), form="factor") < 1e-28


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("widths", WIDTHS)
def test_gradients(name, options, widths, rng):
    given = random_lowranks(rng, 4, widths)
    m1, s1, m2, s2 = given
    bars = getattr(gaussian, f"{name}_vjp")(1.0, *given, form="factor", **options)
    whole = getattr(gaussian, f"{name}_vjp")(1.0, m1, dense(s1), m2, dense(s2), **options)
    for bar, full, cov in ((bars[1], whole[1], s1), (bars[3], whole[3], s2)):
        np.testing.assert_allclose(bar[0], 2 * full @ cov[0], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(bar[1], np.diagonal(full), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(bars[0], whole[0], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(bars[2], whole[2], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_gradients_against_differences(name, options, rng):
    given = random_lowranks(rng, 4, (2, 1))
    flat = [given[0], *given[1], given[2], *given[3]]
    u = [rng.normal(size=x.shape) for x in flat]

    def at(step):
        m1, f1, d1, m2, f2, d2 = (x + step * v for x, v in zip(flat, u, strict=True))
        return call(name, [m1, (f1, d1), m2, (f2, d2)], **options)

    m1, (f1, d1), m2, (f2, d2) = getattr(gaussian, f"{name}_vjp")(
        1.0, *given, form="factor", **options
    )
    slope = sum(np.sum(b * v) for b, v in zip((m1, f1, d1, m2, f2, d2), u, strict=True))
    np.testing.assert_allclose(slope, (at(1e-5) - at(-1e-5)) / 2e-5, rtol=1e-6, atol=1e-8)
    same = getattr(gaussian, f"{name}_vjp")(1.0, *given[:2], *given[:2], form="factor", **options)
    if name != "cross_entropy":
        for part in (same[0], *same[1], same[2], *same[3]):
            np.testing.assert_allclose(part, 0, atol=1e-13)


def test_broadcast_parts(rng):
    """F and D have batch axes of their own, and so do their gradients."""
    f, d = rng.normal(size=(3, 1, 4, 2)), rng.uniform(1, 2, size=(2, 4))
    m = rng.normal(size=(3, 2, 4))
    g = rng.normal(size=(3, 2))
    other = (f[0, 0], d[0])
    bars = gaussian.kl_vjp(g, m, (f, d), np.zeros(4), other, form="factor")
    assert [b.shape for b in (*bars[1], *bars[3])] == [f.shape, d.shape, (4, 2), (4,)]
    x_bar, mean_bar, cov_bar = gaussian.log_prob_vjp(g, m, np.zeros(4), (f, d), form="factor")
    whole = gaussian.log_prob_vjp(g, m, np.zeros(4), dense((f, d)))
    np.testing.assert_allclose(x_bar, whole[0])
    np.testing.assert_allclose(mean_bar, whole[1])
    np.testing.assert_allclose(cov_bar[0], np.sum(2 * whole[2] @ f, axis=1, keepdims=True))
    np.testing.assert_allclose(cov_bar[1], np.sum(np.einsum("...ii->...i", whole[2]), axis=0))


def test_one_distribution(rng):
    cov, x, mean = lowrank(rng, 5, 2), rng.normal(size=(7, 5)), rng.normal(size=5)
    np.testing.assert_allclose(
        gaussian.log_prob(x, mean, cov, form="factor"), gaussian.log_prob(x, mean, dense(cov))
    )
    np.testing.assert_allclose(
        gaussian.entropy(cov, form="factor"), reference.gaussian.entropy(cov, form="factor")
    )
    g = rng.normal(size=7)
    got = gaussian.log_prob_vjp(g, x, mean, cov, form="factor")[2]
    whole = gaussian.log_prob_vjp(g, x, mean, dense(cov))[2]
    np.testing.assert_allclose(got[0], 2 * whole @ cov[0])
    np.testing.assert_allclose(got[1], np.diagonal(whole))
    got = gaussian.entropy_vjp(1.0, cov, form="factor")
    whole = gaussian.entropy_vjp(1.0, dense(cov))
    np.testing.assert_allclose(got[0], 2 * whole @ cov[0])
    np.testing.assert_allclose(got[1], np.diagonal(whole))
    draws = gaussian.sample(mean, cov, 200_000, seed=3, form="factor")
    np.testing.assert_allclose(np.cov(draws.T), dense(cov), atol=0.1)
    zero = (cov[0], np.zeros(5))
    np.testing.assert_allclose(
        np.cov(gaussian.sample(mean, zero, 200_000, form="factor").T), dense(zero), atol=0.1
    )


def test_transport(rng):
    m1, s1, m2, s2 = random_lowranks(rng, 4, (2, 3))
    for name in ("monge_map", "wasserstein2_lower_bound"):
        got = getattr(gaussian, name)(m1, s1, m2, s2, form="factor")
        whole = getattr(gaussian, name)(m1, dense(s1), m2, dense(s2))
        np.testing.assert_allclose(np.hstack(got[0]) if name == "monge_map" else got,
                                   np.hstack(whole[0]) if name == "monge_map" else whole,
                                   rtol=1e-8)  # fmt: skip
    singular = (s1[0], np.zeros(4)), (s2[0], np.zeros(4))
    np.testing.assert_allclose(
        gaussian.wasserstein2(m1, singular[0], m2, singular[1], form="factor"),
        gaussian.wasserstein2(m1, s1[0], m2, s2[0], form="factor"),
        rtol=1e-9,
    )


def test_renyi_above_one(rng):
    """A mixed diagonal that is not positive may still belong to a covariance, or not."""
    f1, f2 = np.zeros((3, 1)), np.array([[3.0], [0], [0]])
    d1, d2 = np.array([4.0, 0.5, 0.5]), np.ones(3)
    given = np.zeros(3), (f1, d1), np.ones(3), (f2, d2)
    exact = reference.gaussian.renyi(*given, alpha=1.5, form="factor")
    assert np.isfinite(exact)
    np.testing.assert_allclose(gaussian.renyi(*given, alpha=1.5, form="factor"), exact)
    far = (np.zeros(3), (f1, 25 * d1), *given[2:])
    assert gaussian.renyi(*far, alpha=1.5, form="factor") == np.inf
    wide = np.zeros(3), (f1, 4 * d2), np.ones(3), (f2, d2)
    assert gaussian.renyi(*wide, alpha=1.5, form="factor") == np.inf


def test_errors(rng):
    m1, s1, m2, s2 = random_lowranks(rng, 3, (2, 2), (4,))
    s2[1][2, 1] = -1
    for name, _ in CASES:
        options = {"alpha": 0.5} if name == "renyi" else {}
        with pytest.raises(np.linalg.LinAlgError, match=r"cov2 is not .*batch index \(2,\)"):
            call(name, (m1, s1, m2, s2), **options)
        value = call(name, (m1, s1, m2, s2), errors="nan", **options)
        np.testing.assert_array_equal(np.isnan(value), np.arange(4) == 2)
        bars = getattr(gaussian, f"{name}_vjp")(
            np.ones(4), m1, s1, m2, s2, form="factor", errors="nan", **options
        )
        np.testing.assert_array_equal(np.isnan(bars[3][1]).all(-1), np.arange(4) == 2)
    with pytest.raises(ValueError, match="kl: cov1 is a pair of shapes"):
        gaussian.kl(m1, (s1[0], s1[1][:, :2]), m2, s2, form="factor")
    with pytest.raises(ValueError, match="one covariance is a pair"):
        gaussian.kl(m1, s1, m2, s2[0], form="factor")
    with pytest.raises(ValueError, match="tuple of 3"):
        gaussian.kl(m1, (*s1, 1), m2, s2, form="factor")


def peak(function):
    tracemalloc.start()
    function()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_memory(name, options, rng):
    """Nothing of d x d, 32 MB here."""
    d, r = 2000, 5
    diagonals = [rng.normal(size=d), rng.uniform(1, 2, d), rng.normal(size=d), rng.uniform(1, 2, d)]
    function, gradient = getattr(gaussian, name), getattr(gaussian, f"{name}_vjp")
    assert peak(lambda: function(*diagonals, form="diag", **options)) < 1e6
    assert peak(lambda: gradient(1.0, *diagonals, form="diag", **options)) < 4e6
    if (name, options) in STRUCTURED:
        given = random_lowranks(rng, d, (r, r))
        assert peak(lambda: call(name, given, **options)) < 8e6
        assert peak(lambda: gradient(1.0, *given, form="factor", **options)) < 8e6


def test_memory_of_one_distribution(rng):
    cov, x, mean = lowrank(rng, 2000, 5), rng.normal(size=(20, 2000)), np.zeros(2000)
    for given, form in ((cov, "factor"), (cov[1], "diag")):
        for function in (
            lambda given=given, form=form: gaussian.log_prob(x, mean, given, form=form),
            lambda given=given, form=form: gaussian.entropy(given, form=form),
            lambda given=given, form=form: gaussian.sample(mean, given, 20, form=form),
            lambda given=given, form=form: gaussian.entropy_vjp(1.0, given, form=form),
            lambda given=given, form=form: gaussian.log_prob_vjp(
                np.ones(20), x, mean, given, form=form
            ),
        ):
            assert peak(function) < 8e6
    # many points of one covariance: no matrix for each of them
    points = rng.normal(size=(20_000, 50))
    assert peak(lambda: gaussian.log_prob_vjp(np.ones(20_000), points, points[0], np.eye(50))) < 1e8


def test_torch(rng):
    torch = pytest.importorskip("torch")
    from isokern.torch import gaussian as twins

    given = random_lowranks(rng, 3, (2, 1), (2,))
    flat = [torch.tensor(x, requires_grad=True) for x in (given[0], *given[1], given[2], *given[3])]
    for name, options in CASES:

        def function(m1, f1, d1, m2, f2, d2, name=name, options=options):
            return getattr(twins, name)(m1, (f1, d1), m2, (f2, d2), form="factor", **options)

        np.testing.assert_array_equal(function(*flat).detach(), call(name, given, **options))
        assert torch.autograd.gradcheck(function, flat, atol=1e-4)
    assert torch.autograd.gradgradcheck(
        lambda *x: twins.kl(x[0], (x[1], x[2]), x[3], (x[4], x[5]), form="factor"), flat, atol=1e-4
    )
    m, f, d = flat[:3]
    assert torch.autograd.gradcheck(lambda *x: twins.entropy(x, form="factor"), (f, d))
    assert torch.autograd.gradcheck(
        lambda x, m, f, d: twins.log_prob(x, m, (f, d), form="factor"), (flat[3], m, f, d)
    )
    with pytest.raises(ValueError, match="both covariances must be such pairs"):
        twins.kl(m, (f, d), m, f, form="factor")


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("step", [None, 1e-5, 1e-9])
def test_factors_far_above_the_diagonal(size, step, rng):
    """Conditions up to 1e12, against 80 digits: what F F^T hides of D is not lost."""
    mpmath = pytest.importorskip("mpmath")
    mp, d = mpmath.mp, 6
    f1, d1 = lowrank(rng, d, 2)
    f2, d2 = lowrank(rng, d, 2)
    f1, f2 = size * f1, size * f2
    if step is not None:
        f2 = f1 + step * size * rng.normal(size=f1.shape)
        d2 = d1 * (1 + step * rng.normal(size=d))
    given = np.zeros(d), (f1, d1), np.zeros(d), (f2, d2)
    with mpmath.workdps(80):
        s1, s2 = (mp.matrix(f.tolist()) * mp.matrix(f.tolist()).T + mp.diag(x.tolist())
                  for f, x in ((f1, d1), (f2, d2)))  # fmt: skip
        log1, log2 = mp.log(mp.det(s1)), mp.log(mp.det(s2))
        ratio = s2**-1 * s1
        kl = (sum(ratio[i, i] for i in range(d)) - d + log2 - log1) / 2
        distance = (mp.log(mp.det((s1 + s2) / 2)) - (log1 + log2) / 2) / 2
        for name, exact in (("kl", kl), ("bhattacharyya", distance)):
            error = abs(mp.mpf(float(call(name, given))) - exact) / exact
            assert error < 1e-10

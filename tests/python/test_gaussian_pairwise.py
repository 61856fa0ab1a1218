# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""All pairs against one by one, and the memory that they take."""

import tracemalloc

import numpy as np
import pytest
from gaussians import FORMS, MEASURES, in_form, random_cov, random_pair
from support import FLOATS, same_bits

from isokern import gaussian

CASES = [(name, options) for name, all_options in MEASURES.items() for options in all_options]
IDS = [f"{name}-{options}" for name, options in CASES]


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_pairs_are_what_they_are_alone(dtype, form, name, options, rng):
    m1, s1, m2, s2 = random_pair(rng, 4, ((5,), (5,), (7,), (7,)), form, dtype)
    m2[2], s2[2] = m1[1], s1[1]
    got = gaussian.pairwise(name, m1, s1, m2, s2, form=form, **options)
    measure = getattr(gaussian, name)
    wanted = measure(m1[:, None], s1[:, None], m2, s2, form=form, **options)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-6 if dtype == np.float32 else 1e-9, atol=1e-300)
    if name != "cross_entropy":
        assert got[1, 2] == 0
    same = gaussian.pairwise(name, m1, s1, form=form, **options)
    wanted = measure(m1[:, None], s1[:, None], m1, s1, form=form, **options)
    np.testing.assert_allclose(
        same, wanted, rtol=1e-6 if dtype == np.float32 else 1e-9, atol=1e-300
    )
    out = np.empty((5, 5), dtype)
    assert gaussian.pairwise(name, m1, s1, form=form, out=out, **options) is out
    np.testing.assert_array_equal(out, same)


def test_the_product_and_the_solves(rng):
    m1, s1, m2, s2 = random_pair(rng, 12, ((40,), (40,), (30,), (30,)))
    s1 = random_cov(rng, 40, 12, rows=13)
    s2[3] = s1[4] + 1e-9 * s2[3]
    m2[3] = m1[4]
    exact = gaussian.pairwise("kl", m1, s1, m2, s2, method="solve")
    auto = gaussian.pairwise("kl", m1, s1, m2, s2)
    np.testing.assert_allclose(auto, exact, rtol=1e-9)
    far = gaussian.pairwise("kl", m1 + 1e6, s1, m2 + 1e6, s2)
    np.testing.assert_allclose(far, exact, rtol=1e-6)
    rough = gaussian.pairwise("kl", m1, s1, m2, s2, method="gemm")
    np.testing.assert_allclose(rough, exact, atol=1e-9 * exact.max())


@pytest.mark.parametrize("name", ["kl", "bhattacharyya", "wasserstein2"])
def test_large_dimensions_and_empty_sets(name, rng):
    m1, s1, m2, s2 = random_pair(rng, 140, ((3,), (3,), (2,), (2,)))
    got = gaussian.pairwise(name, m1, s1, m2, s2)
    wanted = getattr(gaussian, name)(m1[:, None], s1[:, None], m2, s2)
    np.testing.assert_allclose(got, wanted, rtol=1e-10)
    for n, m in ((0, 2), (2, 0), (0, 0)):
        assert gaussian.pairwise(name, m1[:n], s1[:n], m2[:m], s2[:m]).shape == (n, m)


@pytest.mark.parametrize("name", ["kl", "bhattacharyya", "wasserstein2"])
def test_memory_and_threads(name, rng):
    given = random_pair(rng, 16, ((90,), (90,), (80,), (80,)))
    tracemalloc.start()
    gaussian.pairwise(name, *given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (12 * 90 * 80 + 12 * 170 * 16 * 16)
    if name != "kl":  # whose matrix product is NumPy's
        same_bits(lambda: gaussian.pairwise(name, *given))


def test_singular_sets(rng):
    f = rng.normal(size=(4, 5, 2))
    m = rng.normal(size=(4, 5))
    s = f @ np.swapaxes(f, 1, 2)
    got = gaussian.pairwise("wasserstein2", m, s)
    np.testing.assert_allclose(got, gaussian.wasserstein2(m[:, None], s[:, None], m, s), atol=1e-7)
    factors = gaussian.pairwise("kl", m, f, form="factor")
    assert np.all(np.isinf(factors) | np.eye(4, dtype=bool))


def test_errors(rng):
    m, s = rng.normal(size=(3, 4)), random_cov(rng, 3, 4)
    for arguments, text in (
        (("cosine", m, s), "metric is 'cosine'"),
        (("kl", m[0], s[0]), "expected a set"),
        (("kl", m, s, m, None), "expected both or none"),
        (("kl", m, s, m[:, :3], s[:, :3, :3]), "expected \\(m, 4\\)"),
    ):
        with pytest.raises(ValueError, match=text):
            gaussian.pairwise(*arguments)
    with pytest.raises(TypeError, match="takes no alpha"):
        gaussian.pairwise("kl", m, s, alpha=2.0)
    bad = s.copy()
    bad[1] = -bad[1]
    for name in ("kl", "bhattacharyya", "wasserstein2", "jeffreys", "renyi"):
        options = {"alpha": 0.5} if name == "renyi" else {}
        with pytest.raises(np.linalg.LinAlgError, match=r"cov[12] is not positive definite"):
            gaussian.pairwise(name, m, s, m, bad, **options)
        value = gaussian.pairwise(name, m, s, m, bad, errors="nan", **options)
        np.testing.assert_array_equal(np.isnan(value), np.arange(3) == np.ones((3, 1)))
    assert in_form(s, "cov") is s

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Twins for torch: the same values, and gradients that gradcheck believes."""

import subprocess
import sys

import numpy as np
import pytest
from gaussians import FORMS, MEASURES, random_pair

from isokern import gaussian

torch = pytest.importorskip("torch")
twins = pytest.importorskip("isokern.torch").gaussian

CASES = [(name, options) for name, all_options in MEASURES.items() for options in all_options]
IDS = [f"{name}-{options}" for name, options in CASES]


def leaves(given):
    return [torch.tensor(x, requires_grad=True) for x in given]


def symmetrised(name, form, options):
    def function(m1, s1, m2, s2):
        if form in ("cov", "precision"):
            s1, s2 = ((s + s.mT) / 2 for s in (s1, s2))
        return getattr(twins, name)(m1, s1, m2, s2, form=form, **options)

    return function


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("form", FORMS)
def test_values_and_gradcheck(form, name, options, rng):
    given = random_pair(rng, 3, ((2,), (2,), (2,), (2,)), form)
    value = getattr(twins, name)(*map(torch.tensor, given), form=form, **options)
    np.testing.assert_array_equal(value, getattr(gaussian, name)(*given, form=form, **options))
    if form == "tril":
        given = [np.tril(x) if x.ndim == 3 else x for x in given]
    assert torch.autograd.gradcheck(symmetrised(name, form, options), leaves(given), atol=1e-4)


@pytest.mark.parametrize("name", ["kl", "jeffreys", "bhattacharyya", "renyi", "wasserstein2"])
def test_gradcheck_at_equal_arguments(name, rng):
    options = {"renyi": {"alpha": 0.7}, "wasserstein2": {"squared": True}}.get(name, {})
    mean, cov, _, _ = random_pair(rng, 3)
    for s in (cov, np.eye(3)):  # eigenvalues that are apart, and equal ones
        function = symmetrised(name, "cov", options)
        assert torch.autograd.gradcheck(function, leaves([mean, s, mean, s]), atol=1e-5)


@pytest.mark.parametrize("name", ["kl", "bhattacharyya", "wasserstein2"])
def test_second_derivatives(name, rng):
    options = {"squared": True} if name == "wasserstein2" else {}
    given = random_pair(rng, 2)
    function = symmetrised(name, "cov", options)
    assert torch.autograd.gradgradcheck(function, leaves(given), atol=1e-4)


def test_one_distribution(rng):
    x, cov = rng.normal(size=(4, 3)), random_pair(rng, 3)[1]
    mean = rng.normal(size=3)
    dist = torch.distributions.MultivariateNormal(torch.tensor(mean), torch.tensor(cov))
    got = twins.log_prob(torch.tensor(x), torch.tensor(mean), torch.tensor(cov))
    torch.testing.assert_close(got, dist.log_prob(torch.tensor(x)))
    torch.testing.assert_close(twins.entropy(torch.tensor(cov)), dist.entropy())

    def both(x, m, s):
        s = (s + s.mT) / 2
        return twins.log_prob(x, m, s).sum() + twins.entropy(s)

    assert torch.autograd.gradcheck(both, leaves([x, mean, cov]))


def test_the_registration():
    code = """
import torch
from torch.distributions import MultivariateNormal, kl_divergence
from isokern.torch import gaussian
torch.manual_seed(0)
a = torch.randn(2, 5, 3, 9, dtype=torch.float64)
s = a @ a.mT
m = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
p, q = (MultivariateNormal(m[i], s[i]) for i in range(2))
before = kl_divergence(p, q)
gaussian.register_kl()
after = kl_divergence(p, q)
torch.testing.assert_close(after, before)
assert kl_divergence(p, p).abs().max() == 0
torch.testing.assert_close(
    torch.autograd.grad(after.sum(), m)[0], torch.autograd.grad(before.sum(), m)[0]
)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

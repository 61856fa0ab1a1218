# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the functions of isokern.torch take and give: memory, layouts, modes, refusals."""

import gc

import numpy as np
import pytest

from isokern import orthogonal

torch = pytest.importorskip("torch")

from isokern.torch import orthogonal as iso  # noqa: E402


def leaves(arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def test_the_memory_of_tensors_is_shared(monkeypatch, rng):
    seen, reflect = [], orthogonal.reflect

    def spy(v, x, **options):
        seen.extend([v, x, reflect(v, x, **options)])
        return seen[2]

    monkeypatch.setattr(orthogonal, "reflect", spy)
    v = torch.nn.Parameter(torch.tensor(rng.normal(size=6)))
    x = torch.tensor(rng.normal(size=(5, 2, 6)))[:, 0].requires_grad_()
    result = iso.reflect(v, x)
    assert [array.ctypes.data for array in seen] == [t.data_ptr() for t in (v, x, result)]
    assert seen[1].strides == (96, 8)


def test_a_result_outlives_the_array(rng):
    """Large outputs come from memory that is used again as soon as its array is gone."""
    v, x = torch.tensor(rng.normal(size=(2, 1000, 200)))
    first = iso.reflect(v, x)
    kept = first.clone()
    gc.collect()
    others = [iso.reflect(x, v) for _ in range(5)]
    assert torch.equal(first, kept)
    assert len({first.data_ptr(), *(other.data_ptr() for other in others)}) == 6


def test_layouts_of_memory(rng):
    a, b, x = (torch.tensor(rng.normal(size=(4, 3, 6))) for _ in range(3))
    wanted = iso.rotate_between(a, b, x)
    assert torch.equal(iso.rotate_between(a.mT.contiguous().mT, b, x.mT.contiguous().mT), wanted)
    twice = torch.stack([x, x], -1)
    assert torch.equal(iso.rotate_between(a, b, twice[..., 0]), wanted)
    one = a[0, 0].clone().requires_grad_()
    bars = [
        torch.autograd.grad(iso.rotate_between(given, b, x).sum(), one)[0]
        for given in (one, one.expand(4, 3, 6), one.view(1, 1, 6), one[None].T.mT)
    ]
    for bar in bars[1:]:
        torch.testing.assert_close(bar, bars[0], rtol=1e-13, atol=1e-13)
    imaginary = torch.complex(torch.zeros_like(x), -x).conj().imag  # a tensor with its sign apart
    assert imaginary.is_neg()
    assert torch.equal(iso.rotate_between(a, b, imaginary), wanted)


def test_empty_batches():
    a = torch.ones(0, 3, requires_grad=True)
    x = torch.ones(0, 3, requires_grad=True)
    b = torch.ones(3, requires_grad=True)
    value = iso.rotate_between(a, b, x)
    assert value.shape == (0, 3)
    bars = torch.autograd.grad(value.sum(), (a, b, x), create_graph=True)
    assert [bar.shape for bar in bars] == [(0, 3), (3,), (0, 3)]
    assert not bars[1].any()
    assert iso.reflection_matrix(a, b).shape == (0, 3, 3)


def test_without_gradients(rng):
    a, b, x = leaves(rng.normal(size=(3, 4)))
    wanted = iso.rotate_between(a, b, x)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            value = iso.rotate_between(a, b, x)
        assert not value.requires_grad
        assert torch.equal(value, wanted)
    (bar,) = torch.autograd.grad(wanted.sum(), x)  # alone
    ones = torch.ones(4, dtype=torch.float64)
    torch.testing.assert_close(bar, iso.rotate_between(b.detach(), a.detach(), ones))


def test_integers_become_float64():
    value = iso.reflect(torch.tensor([0, 3]), torch.tensor([2, 1]))
    assert value.dtype == torch.float64
    np.testing.assert_allclose(value, [2, -1], rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([1.0, 2.0], TypeError, r"reflect: x is a list, expected a tensor"),
        (np.ones(2), TypeError, r"reflect: x is a ndarray, expected a tensor"),
        (torch.ones(2, device="meta"), ValueError, r"reflect: x is on device meta, expected cpu"),
        (torch.ones(2).to_sparse(), TypeError, r"reflect: x has layout torch.sparse_coo"),
        (torch.ones(2, dtype=torch.bfloat16), TypeError, r"reflect: x has dtype bfloat16"),
        (torch.ones(2, dtype=torch.complex64), TypeError, r"reflect: x has dtype complex64"),
        (torch.ones(2, dtype=torch.bool), TypeError, r"reflect: x has dtype bool"),
        (torch.ones(2, dtype=torch.float64), TypeError, r"reflect: .* dtype float"),
        (torch.ones(3), ValueError, r"reflect: v has shape \(2,\)"),
    ],
    ids=str,
)
def test_what_is_refused(x, error, message):
    with pytest.raises(error, match=message):
        iso.reflect(torch.ones(2), x)


def test_failures_of_items(rng):
    v = torch.tensor(rng.normal(size=(3, 4)))
    v[1] = 0
    with pytest.raises(ValueError, match="1"):
        iso.reflect(v, v)
    v.requires_grad_()
    value = iso.reflect(v, torch.ones(4, dtype=torch.float64), errors="nan")
    (bar,) = torch.autograd.grad(value.sum(), v, create_graph=True)
    (again,) = torch.autograd.grad(bar[::2].square().sum(), v)
    for result in (value, bar, again):
        assert torch.isfinite(result).all(-1).tolist() == [True, False, True]
    with pytest.raises(ValueError, match="tau"):
        iso.reflect(torch.ones(2), torch.ones(2), tau=1e300)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # which torch looks at
def test_compiled_around(rng):
    """The graph is split: what is around a twin is compiled, the twin itself is called."""
    a, b, x = leaves(rng.normal(size=(3, 4)))

    def loss(a, b, x):
        return (iso.rotate_between(2 * a, b, x) ** 3).sum()

    compiled = torch.compile(loss, backend="eager")
    torch.testing.assert_close(compiled(a, b, x), loss(a, b, x))
    got, wanted = (torch.autograd.grad(f(a, b, x), (a, b, x)) for f in (compiled, loss))
    torch.testing.assert_close(got, wanted)

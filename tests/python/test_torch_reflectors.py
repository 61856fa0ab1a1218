# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Products of reflectors and QR factors on torch tensors: values, and derivatives of all kinds."""

import itertools

import numpy as np
import pytest
from support import FLOATS

from isokern import orthogonal

torch = pytest.importorskip("torch")

from torch.autograd import gradcheck, gradgradcheck  # noqa: E402

from isokern.torch import _products  # noqa: E402
from isokern.torch import orthogonal as iso  # noqa: E402

# Torch says this to itself when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

LEFT, RIGHT = {"side": "left"}, {"side": "right"}
# A name, the shapes of v, x (not of all) and tau (if any), and options.
CASES = [
    ("apply_reflectors", [(2, 1, 3, 2), (2, 3, 1)], LEFT),
    ("apply_reflectors", [(3, 2), (3, 2), (2, 1, 2)], {**LEFT, "transpose": True}),
    ("apply_reflectors", [(2, 3, 2), (1, 3), (2,)], {**RIGHT, "storage": "lapack"}),
    ("apply_reflectors", [(2, 3), (2, 2)], {**RIGHT, "transpose": True}),
    ("compact_wy", [(2, 3, 2)], {}),
    ("compact_wy", [(3, 3), (2, 3)], {"storage": "lapack"}),
    ("form_q", [(2, 3, 2)], {}),
    ("form_q", [(3, 2), (2, 2)], {"thin": False}),
    ("form_q", [(2, 3)], {"storage": "dense"}),
    ("qr", [(2, 3, 2)], {"mode": "reduced"}),
    ("qr", [(3, 3)], {"mode": "reduced"}),
    ("qr", [(2, 3)], {"mode": "reduced"}),
    ("qr", [(2, 3)], {"mode": "complete"}),
    ("qr", [(3, 2)], {"mode": "r"}),
    ("qr", [(2, 3)], {"mode": "r"}),
]
every_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}"
)


def has_tau(case):
    return len(case[1]) == (3 if case[0] == "apply_reflectors" else 2)


def function(case, module=iso):
    """Return the twin of a case, or the function on arrays, with the arguments by position."""
    name, _, options = case

    def call(*given):
        extra = {"tau": given[-1]} if has_tau(case) else {}
        return getattr(module, name)(*given[: len(given) - len(extra)], **extra, **options)

    return call


def vjp(case, cotangents, arrays):
    """Return the gradients of the kernels."""
    name, _, options = case
    if name == "qr":
        given = cotangents[0] if options["mode"] == "r" else cotangents
        return (orthogonal.qr_vjp(given, *arrays, **options),)
    extra = {"tau": arrays[-1]} if has_tau(case) else {}
    given = arrays[: len(arrays) - len(extra)]
    return as_tuple(getattr(orthogonal, f"{name}_vjp")(*cotangents, *given, **extra, **options))


def inputs(case, dtype=np.float64):
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape).astype(dtype) for shape in case[1]]


def leaves(arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def as_tuple(values):
    return values if isinstance(values, tuple) else (values,)


@pytest.mark.parametrize("dtype", FLOATS)
@every_case
def test_values_and_gradients_are_those_of_the_kernels(case, dtype, rng):
    arrays = inputs(case, dtype)
    tensors = leaves(arrays)
    values = as_tuple(function(case)(*tensors))
    for value, wanted in zip(values, as_tuple(function(case, orthogonal)(*arrays)), strict=True):
        assert value.dtype == tensors[0].dtype
        np.testing.assert_array_equal(value.detach().numpy(), wanted)
    cotangents = tuple(rng.normal(size=value.shape).astype(dtype) for value in values)
    wanted = vjp(case, cotangents, arrays)
    for create_graph in (True, False):
        got = torch.autograd.grad(
            values, tensors, tuple(map(torch.tensor, cotangents)), create_graph=create_graph
        )
        for bar, exact in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(bar.detach().numpy(), exact)


@every_case
def test_derivatives_of_first_and_second_order(case):
    call, tensors = function(case), leaves(inputs(case))
    assert gradcheck(call, tensors, check_forward_ad=True)
    assert gradgradcheck(call, tensors, check_fwd_over_rev=True)


@every_case
def test_every_nesting_of_modes_agrees(case):
    jacfwd, jacrev = torch.func.jacfwd, torch.func.jacrev
    tensors = [tensor.detach() for tensor in leaves(inputs(case))]
    every = tuple(range(len(tensors)))
    hessians = [
        outer(inner(function(case), every), every)(*tensors)
        for outer in (jacrev, jacfwd)
        for inner in (jacrev, jacfwd)
    ]
    for hessian in hessians[1:]:
        torch.testing.assert_close(hessian, hessians[0], rtol=1e-10, atol=1e-10)


def in_turn(v, x, tau, transpose=False):
    """Q x by one reflector after the other."""
    tau = 2 / (v * v).sum(-2) if tau is None else tau
    for i in range(v.shape[-1]) if transpose else reversed(range(v.shape[-1])):
        column = v[..., i, None]
        x = x - tau[..., i, None, None] * column * (column.mT @ x)
    return x


def lapack(v):
    return v.tril(-1) + torch.eye(*v.shape[-2:], dtype=v.dtype)


def by_wy(v, tau):
    return torch.eye(v.shape[-2], dtype=v.dtype) - v @ _products.compact_wy(v, tau, "dense") @ v.mT


EXPRESSIONS = {  # each with its definition
    "left": (
        lambda v, x, tau: _products.apply(v, x, tau, "left", False, "dense"),
        lambda v, x, tau: in_turn(v, x, tau),
    ),
    "left, transposed, lapack": (
        lambda v, x, tau: _products.apply(v, x, tau, "left", True, "lapack"),
        lambda v, x, tau: in_turn(lapack(v), x, tau, transpose=True),
    ),
    "right, lapack": (
        lambda v, x, tau: _products.apply(v, x.mT, tau, "right", False, "lapack"),
        lambda v, x, tau: in_turn(lapack(v), x, tau, transpose=True).mT,
    ),
    "right, transposed": (
        lambda v, x, tau: _products.apply(v, x.mT, tau, "right", True, "dense"),
        lambda v, x, tau: in_turn(v, x, tau).mT,
    ),
    "form_q": (
        lambda v, x, tau: _products.form_q(v, tau, False, "dense"),
        lambda v, x, tau: in_turn(v, torch.eye(v.shape[-2], dtype=v.dtype), tau),
    ),
    "compact_wy": (
        lambda v, x, tau: by_wy(v, tau),
        lambda v, x, tau: in_turn(v, torch.eye(v.shape[-2], dtype=v.dtype), tau),
    ),
}


@pytest.mark.parametrize("factors", ["default", "random", "some are 0", "all are 0"])
@pytest.mark.parametrize(("m", "k"), [(6, 4), (4, 4), (3, 7), (1, 1)])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_against_single_reflectors(name, m, k, factors, rng):
    if "lapack" in name:
        k = min(m, k)  # all that it can hold
    tensors = leaves(rng.normal(size=size) for size in [(2, m, k), (m, 3), (2, k)])
    with torch.no_grad():
        tensors[2][..., :: {"some are 0": 2, "all are 0": 1}.get(factors, 2 * k)] *= 0
    results = []
    for call in EXPRESSIONS[name]:
        value = call(*tensors[:2], None if factors == "default" else tensors[2])
        options = {"create_graph": True, "materialize_grads": True}
        first = torch.autograd.grad(value.sin().sum(), tensors, **options)
        second = torch.autograd.grad(sum(bar.sin().sum() for bar in first), tensors, **options)
        results.append((value, *first, *second))
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("m", [0, 3])
def test_no_reflectors_and_no_columns(m):
    v, tau = torch.ones(2, 3, 0, requires_grad=True), torch.ones(0, requires_grad=True)
    x = torch.arange(3.0 * m).reshape(3, m).requires_grad_()
    value = iso.apply_reflectors(v, x, tau=tau)
    assert torch.equal(value, x.expand(2, 3, m))
    bars = torch.autograd.grad(value.sum(), (v, x, tau), create_graph=True)
    assert [bar.shape for bar in bars] == [v.shape, x.shape, tau.shape]
    assert (bars[1] == 2).all()
    assert iso.compact_wy(v).shape == (2, 0, 0)
    assert torch.equal(iso.form_q(v, thin=False), torch.eye(3).expand(2, 3, 3))


@pytest.mark.parametrize("mapped", list(itertools.product((None, 0, 1), repeat=3))[1:], ids=str)
def test_gradients_of_mapped_calls(mapped, rng):
    shapes = [(4, 3), (2, 4, 2), (3, 1, 3)]
    batch = [
        torch.tensor(rng.normal(size=shape if dim is None else np.insert(shape, dim, 5)))
        for shape, dim in zip(shapes, mapped, strict=True)
    ]

    def loss(v, x, tau):
        return iso.apply_reflectors(v, x, tau=tau).sin().sum()

    gradients = torch.func.grad(loss, (0, 1, 2))
    got = torch.func.vmap(gradients, mapped)(*batch)
    for item in range(5):
        pairs = zip(batch, mapped, strict=True)
        given = (tensor if dim is None else tensor.select(dim, item) for tensor, dim in pairs)
        torch.testing.assert_close(tuple(bar[item] for bar in got), gradients(*given))


@pytest.mark.parametrize("dtype", FLOATS)
def test_signs_of_rounding_errors(dtype, rng):
    """A pivot that is a rounding error has a sign of its own in each computation.

    The derivatives must be those of the factors that were given. Matrices of -1 and 1 have many.
    """
    x = rng.choice([-1, 1], size=(200, 6, 4)).astype(dtype)
    x = torch.tensor(x[np.abs(np.linalg.det(x.mT @ x)) > 0.5])
    t, *cotangents = (
        torch.tensor(rng.normal(size=(len(x), *shape)).astype(dtype))
        for shape in [(6, 4), (6, 4), (4, 4)]
    )
    _, pushed = torch.func.jvp(iso.qr, (x,), (t,))
    pulled = torch.func.vjp(iso.qr, x)[1](tuple(cotangents))[0]
    got = sum((c * p).sum((-1, -2)) for c, p in zip(cotangents, pushed, strict=True))
    tolerance = 1e4 * np.finfo(dtype).eps
    torch.testing.assert_close(got, (pulled * t).sum((-1, -2)), rtol=0, atol=tolerance)


def test_modes_without_derivative():
    x = torch.eye(3)[:, :2].clone().requires_grad_()
    v, tau, r = iso.qr(x, mode="factored")
    assert tau.tolist() == [0, 0]
    assert torch.equal(r, torch.eye(2))
    with pytest.raises(ValueError, match="reduced"):
        v.sum().backward()
    with pytest.raises(ValueError, match="reduced"):
        torch.func.jvp(lambda x: iso.qr(x, mode="factored"), (x.detach(),), (x.detach(),))
    with pytest.raises(ValueError, match="complete"):
        iso.qr(x, mode="complete")[0].sum().backward()


def test_failures_of_items(rng):
    v = torch.tensor(rng.normal(size=(3, 4, 2)))
    v[1, :, 0] = 0
    v.requires_grad_()
    with pytest.raises(ValueError, match="form_q"):
        iso.form_q(v)
    q = iso.form_q(v, errors="nan")
    (bar,) = torch.autograd.grad(q.sin().sum(), v, create_graph=True)
    (again,) = torch.autograd.grad(bar.square().sum(), v)
    _, pushed = torch.func.jvp(
        lambda v: iso.form_q(v, errors="nan"), (v.detach(),), (bar.detach(),)
    )
    for result in (q, bar, again, pushed):
        assert torch.isfinite(result).all((-1, -2)).tolist() == [True, False, True]


def test_gradients_are_orthogonal_to_reflectors(rng):
    """The default factor makes lengths irrelevant."""
    v = torch.tensor(rng.normal(size=(2, 9, 4)), requires_grad=True)
    (bar,) = torch.autograd.grad(iso.form_q(v).sin().sum(), v)
    np.testing.assert_allclose((bar * v.detach()).sum(-2), np.zeros((2, 4)), atol=1e-13)

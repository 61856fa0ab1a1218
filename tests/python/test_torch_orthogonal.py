# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The maps of single vectors on torch tensors: values, and derivatives of all kinds."""

import math
from functools import partial

import numpy as np
import pytest
from support import FLOATS, pair_at_angle

from isokern import orthogonal

torch = pytest.importorskip("torch")

from torch.autograd import forward_ad, gradcheck, gradgradcheck  # noqa: E402

from isokern.torch import orthogonal as iso  # noqa: E402

# Torch says this to itself when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

# Shapes of the arguments in a call that broadcasts, and options.
CASES = {
    "reflect_between": ([(3, 1, 4), (2, 4), (4,)], {}),
    "rotate_between": ([(3, 1, 4), (2, 4), (4,)], {}),
    "rotate_between transposed": ([(4,), (2, 1, 4), (3, 4)], {"transpose": True}),
    "reflection_matrix": ([(2, 3), (3,)], {}),
    "rotation_matrix": ([(3,), (2, 3)], {}),
    "reflect": ([(2, 1, 3), (4, 3)], {}),
    "reflect with tau": ([(2, 1, 3), (4, 3), (2, 1)], {}),
    "reflect with a number": ([(3,), (2, 3)], {"tau": 0.75}),
}
BETWEEN = ["reflect_between", "rotate_between", "rotate_between transposed"]


def function(case, module=iso):
    """Return the twin of a case, or the function on arrays, with the arguments by position."""
    call = partial(getattr(module, case.split()[0]), **CASES[case][1])
    return (lambda v, x, tau: call(v, x, tau=tau)) if case == "reflect with tau" else call


def vjp(case, g, arrays):
    """Return the gradients of the kernels."""
    call = getattr(orthogonal, f"{case.split()[0]}_vjp")
    options = dict(CASES[case][1])
    if case == "reflect with tau":
        *arrays, options["tau"] = arrays
    return call(g, *arrays, **options)[: len(CASES[case][0])]


def inputs(case, dtype=np.float64):
    rng = np.random.default_rng(5)
    return [rng.normal(size=shape).astype(dtype) for shape in CASES[case][0]]


def leaves(arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_the_kernels(case, dtype, rng):
    arrays = inputs(case, dtype)
    tensors = leaves(arrays)
    value = function(case)(*tensors)
    wanted = function(case, orthogonal)(*arrays)
    assert value.dtype == tensors[0].dtype
    np.testing.assert_array_equal(value.detach().numpy(), wanted)
    g = rng.normal(size=wanted.shape).astype(dtype)
    for create_graph in (True, False):
        got = torch.autograd.grad(value, tensors, torch.tensor(g), create_graph=create_graph)
        for bar, exact in zip(got, vjp(case, g, arrays), strict=True):
            np.testing.assert_array_equal(bar.detach().numpy(), exact)


@pytest.mark.parametrize("case", CASES)
def test_derivatives_of_first_and_second_order(case):
    call, tensors = function(case), leaves(inputs(case))
    assert gradcheck(call, tensors, check_forward_ad=True)
    assert gradgradcheck(call, tensors, check_fwd_over_rev=True)


@pytest.mark.parametrize("case", CASES)
def test_every_nesting_of_modes_agrees(case):
    """Forward and reverse mode of torch.func, with its vmap, over one another."""
    jacfwd, jacrev = torch.func.jacfwd, torch.func.jacrev
    tensors = [tensor.detach() for tensor in leaves(inputs(case))]
    every = tuple(range(len(tensors)))
    hessians = [
        outer(inner(function(case), every), every)(*tensors)
        for outer in (jacrev, jacfwd)
        for inner in (jacrev, jacfwd)
    ]
    for hessian in hessians[1:]:
        torch.testing.assert_close(hessian, hessians[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mapped", [(0, None, 1), (None, 1, 0), (1, 0, None)], ids=str)
@pytest.mark.parametrize("case", BETWEEN)
def test_gradients_of_mapped_calls(case, mapped, rng):
    """Any axis of any argument, beside batch axes of its own: as in a loop."""
    shapes = [(2, 4), (3, 1, 4), (4,)]
    batch = [
        torch.tensor(rng.normal(size=shape if dim is None else np.insert(shape, dim, 5)))
        for shape, dim in zip(shapes, mapped, strict=True)
    ]

    def loss(*given):
        return function(case)(*given).square().sin().sum()

    gradients = torch.func.grad(loss, (0, 1, 2))
    got = torch.func.vmap(gradients, mapped)(*batch)
    for item in range(5):
        pairs = zip(batch, mapped, strict=True)
        given = (tensor if dim is None else tensor.select(dim, item) for tensor, dim in pairs)
        torch.testing.assert_close(tuple(bar[item] for bar in got), gradients(*given))


@pytest.mark.parametrize("case", CASES)
def test_reverse_over_forward(case, rng):
    """Gradients of a tangent, against the second derivative by reverse mode alone."""
    call, tensors = function(case), leaves(inputs(case))
    tangents = [torch.tensor(rng.normal(size=tensor.shape)) for tensor in tensors]
    with forward_ad.dual_level():
        duals = map(forward_ad.make_dual, tensors, tangents)
        pushed = forward_ad.unpack_dual(call(*duals)).tangent
        g = torch.tensor(rng.normal(size=pushed.shape))
        got = torch.autograd.grad((g * pushed).sum(), tensors)
    pulled = torch.autograd.grad(call(*tensors), tensors, g, create_graph=True)
    inner = sum((bar * tangent).sum() for bar, tangent in zip(pulled, tangents, strict=True))
    wanted = torch.autograd.grad(inner, tensors)
    torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_third_derivative(case):
    def second(*tensors):
        value = function(case)(*tensors).sum()
        first = torch.autograd.grad(value, tensors, create_graph=True)
        return torch.autograd.grad(sum((f * f).sum() for f in first), tensors, create_graph=True)

    assert gradcheck(second, leaves(inputs(case)), fast_mode=True)


def hessian_product(call, arrays, g, tangent):
    """Return the derivative, along a tangent of the first argument, of its gradient."""
    a, *others = (torch.tensor(array) for array in arrays)
    a.requires_grad_()
    (pulled,) = torch.autograd.grad(call(a, *others), a, torch.tensor(g), create_graph=True)
    (product,) = torch.autograd.grad(pulled, a, torch.tensor(tangent))
    return product.numpy()


@pytest.mark.parametrize("gap", [1.0, 0.3, 1e-2, 1e-4])
@pytest.mark.parametrize("case", BETWEEN)
def test_second_derivatives_where_the_map_is_nearly_degenerate(case, gap, rng):
    angle = gap if case == "reflect_between" else math.pi - gap
    a, b = pair_at_angle(rng, 6, angle, np.float64)
    x, g, tangent = rng.normal(size=(3, 6))
    got = hessian_product(function(case), (a, b, x), g, tangent)
    step = 1e-4 * gap
    moved = [vjp(case, g, (a + sign * step * tangent, b, x))[0] for sign in (1, -1)]
    wanted = (moved[0] - moved[1]) / (2 * step)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 * np.max(np.abs(wanted)))
    narrow = [np.float32(array) for array in (a, b, x)]
    got = hessian_product(function(case), narrow, np.float32(g), np.float32(tangent))
    wide = [np.float64(array) for array in narrow]
    wanted = hessian_product(function(case), wide, np.float32(g) * 1.0, np.float32(tangent) * 1.0)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=3e-7 * np.max(np.abs(wanted)))


@pytest.mark.parametrize("gap", [1.0, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("case", BETWEEN)
def test_tangents_where_the_map_is_nearly_degenerate(case, gap, rng):
    """A tangent pushed forward meets a cotangent as its gradient meets the tangent.

    Both grow with 1 / gap, and a direction is known to eps / gap there.
    """
    angle = gap if case == "reflect_between" else math.pi - gap
    a, b = pair_at_angle(rng, 6, angle, np.float64)
    x, g, *tangents = rng.normal(size=(5, 6))
    tensors, given = ([torch.tensor(v) for v in vs] for vs in ((a, b, x), tangents))
    _, pushed = torch.func.jvp(function(case), tuple(tensors), tuple(given))
    bars = vjp(case, g, (a, b, x))
    wanted = sum(bar @ tangent for bar, tangent in zip(bars, tangents, strict=True))
    assert abs(g @ pushed.numpy() - wanted) < 1e-14 / gap**2


@pytest.mark.parametrize("case", BETWEEN)
def test_equal_and_opposite(case, rng):
    """No NaN where the map is smooth; where it has no derivative, this is said."""
    a, x = rng.normal(size=(2, 5))
    good, bad = (-a, a) if case == "reflect_between" else (a, -a)
    tensors = leaves((a, good, x))
    assert gradcheck(function(case), tensors, check_forward_ad=True)
    assert gradgradcheck(function(case), tensors, check_fwd_over_rev=True)
    tensors = leaves((a, bad, x))
    value = function(case)(*tensors)
    np.testing.assert_array_equal(value.detach(), function(case, orthogonal)(a, bad, x))
    with pytest.raises(np.linalg.LinAlgError):
        value.sum().backward()
    primals = tuple(tensor.detach() for tensor in tensors)
    with pytest.raises(np.linalg.LinAlgError):
        torch.func.jvp(function(case), primals, primals)
    batch = leaves((np.stack([a, a]), np.stack([bad, rng.normal(size=5)]), x))
    call = partial(function(case), errors="nan")
    value = call(*batch)
    assert torch.isfinite(value).all()
    bars = torch.autograd.grad(value.sum(), batch[:2], create_graph=True)
    again = torch.autograd.grad(sum((bar * bar).sum() for bar in bars), batch[:2])
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(batch[0].detach(), torch.ones(2, 5, dtype=torch.float64))
        tangent = forward_ad.unpack_dual(call(dual, *batch[1:])).tangent
    for item, finite in enumerate([False, True]):
        for result in (*bars, *again, tangent):
            assert torch.isfinite(result[item]).all() == finite

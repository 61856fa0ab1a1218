# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Agreement with torch: its tensors as arguments, its autograd, its complex multiplication."""

import dataclasses

import numpy as np
import pytest
from support import bits, error

from isokern import orthogonal, rope

torch = pytest.importorskip("torch")
ml_dtypes = pytest.importorskip("ml_dtypes")


def rotate(a, b, x):
    """Apply the textbook rotation, which is accurate away from b = -a."""
    a, b = (v / torch.linalg.vector_norm(v, dim=-1, keepdim=True) for v in (a, b))
    u = a + b
    dot = (a * b).sum(-1, keepdim=True)
    return x - u * (u * x).sum(-1, keepdim=True) / (1 + dot) + 2 * b * (a * x).sum(-1, keepdim=True)


def mirror(a, b, x):
    """Apply the textbook reflection, which is accurate away from a = b."""
    a, b = (v / torch.linalg.vector_norm(v, dim=-1, keepdim=True) for v in (a, b))
    w = a - b
    return x - 2 * w * (w * x).sum(-1, keepdim=True) / (w * w).sum(-1, keepdim=True)


def reflect(v, x, tau=None):
    """Apply one reflector."""
    factor = 2 / (v * v).sum(-1, keepdim=True) if tau is None else tau[..., None]
    return x - factor * v * (v * x).sum(-1, keepdim=True)


def gradients(function, arguments, cotangent):
    """Return the value and the gradients by autograd."""
    tensors = [torch.tensor(value, requires_grad=True) for value in arguments]
    value = function(*tensors)
    value.backward(torch.tensor(cotangent))
    return value.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]


@pytest.mark.parametrize(
    "shapes", [((), (), ()), ((4, 1), (3,), (4, 3)), ((5,), (5,), ())], ids=str
)
@pytest.mark.parametrize("name", ["reflect", "rotate", "transposed"])
def test_maps_and_gradients_against_autograd(name, shapes, rng):
    a, b, x = (rng.normal(size=(*shape, 7)) for shape in shapes)
    g = rng.normal(size=(*np.broadcast_shapes(*shapes), 7))
    if name == "reflect":
        got = orthogonal.reflect_between(a, b, x), orthogonal.reflect_between_vjp(g, a, b, x)
        wanted = gradients(mirror, (a, b, x), g)
    elif name == "rotate":
        got = orthogonal.rotate_between(a, b, x), orthogonal.rotate_between_vjp(g, a, b, x)
        wanted = gradients(rotate, (a, b, x), g)
    else:
        got = (
            orthogonal.rotate_between(a, b, x, transpose=True),
            orthogonal.rotate_between_vjp(g, a, b, x, transpose=True),
        )
        wanted = gradients(lambda a, b, x: rotate(b, a, x), (a, b, x), g)
    np.testing.assert_allclose(got[0], wanted[0], rtol=0, atol=1e-13)
    for value, exact in zip(got[1], wanted[1], strict=True):
        np.testing.assert_allclose(value, exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["reflection_matrix", "rotation_matrix"])
def test_gradients_of_matrices_against_autograd(name, rng):
    a, b = rng.normal(size=(2, 4, 5))
    g = rng.normal(size=(4, 5, 5))
    textbook = mirror if name == "reflection_matrix" else rotate

    def matrix(a, b):
        columns = textbook(a[:, None], b[:, None], torch.eye(5, dtype=torch.float64))
        return columns.transpose(-1, -2)

    value, wanted = gradients(matrix, (a, b), g)
    np.testing.assert_allclose(getattr(orthogonal, name)(a, b), value, rtol=0, atol=1e-13)
    for got, exact in zip(getattr(orthogonal, f"{name}_vjp")(g, a, b), wanted, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("with_tau", [False, True])
def test_gradients_of_reflect_against_autograd(with_tau, rng):
    arguments = [rng.normal(size=(3, 1, 6)), rng.normal(size=(4, 6))]
    arguments += [rng.normal(size=(3, 1))] if with_tau else []
    g = rng.normal(size=(3, 4, 6))
    extra = {"tau": arguments[2]} if with_tau else {}
    value, wanted = gradients(reflect, arguments, g)
    got = orthogonal.reflect_vjp(g, *arguments[:2], **extra)
    np.testing.assert_allclose(orthogonal.reflect(*arguments[:2], **extra), value, atol=1e-13)
    for bar, exact in zip(got, wanted, strict=True):
        np.testing.assert_allclose(bar, exact, rtol=1e-11, atol=1e-12)


def complex_rope(x, angles):
    """Rotate interleaved pairs as complex numbers."""
    turns = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2)


def test_rope_against_complex_multiplication(rng):
    x, g = rng.normal(size=(2, 3, 4, 11, 16))
    plan = rope.plan(16, layout="interleaved")
    positions = np.arange(11) + 100
    angles = torch.tensor(positions[:, None] * plan.inv_freq)
    value, (x_bar,) = gradients(lambda x: complex_rope(x, angles), (x,), g)
    got = rope.apply(x, plan=plan, positions=positions)
    np.testing.assert_allclose(got, value, rtol=0, atol=2e-13)
    np.testing.assert_allclose(rope.vjp(g, plan=plan, offsets=100), x_bar, rtol=0, atol=2e-13)


def test_rope_half_against_rotate_half(rng):
    x = rng.normal(size=(3, 4, 11, 16))
    plan = rope.plan(16)
    angles = torch.arange(11)[:, None] * torch.tensor(plan.inv_freq)
    cos, sin = (torch.cat([f(angles)] * 2, dim=-1) for f in (torch.cos, torch.sin))
    t = torch.tensor(x)
    turned = t * cos + torch.cat([-t[..., 8:], t[..., :8]], dim=-1) * sin
    np.testing.assert_allclose(rope.apply(x, plan=plan), turned.numpy(), rtol=0, atol=2e-14)


def test_two_axes_against_complex_multiplication(rng):
    x = rng.normal(size=(2, 30, 16))
    plan = rope.plan_2d(16)
    grid = rng.integers(0, 30, size=(30, 2))
    theta = 10000.0 ** (-4 * np.arange(4) / 16)
    angles = (grid[:, None, :] * theta[:, None]).reshape(30, 8)  # x, y, x, y, ...
    wanted = complex_rope(torch.tensor(x), torch.tensor(angles)).numpy()
    got = rope.apply(x, plan=plan, positions=grid)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_as_arguments(dtype, rng):
    a, b, x = (torch.tensor(rng.normal(size=(4, 6)), dtype=dtype) for _ in range(3))
    wanted = orthogonal.rotate_between(a.numpy(), b.numpy(), x.numpy())
    got = orthogonal.rotate_between(a, b, x)
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(orthogonal.rotate_between(a, b.numpy(), x), wanted)
    strided = torch.stack([x, x], dim=-1)[..., 0]
    np.testing.assert_array_equal(orthogonal.rotate_between(a, b, strided), wanted)
    np.testing.assert_array_equal(orthogonal.rotate_between(a, b, x.T.contiguous().T), wanted)
    got = rope.apply(x, plan=rope.plan(6), positions=torch.arange(4))
    np.testing.assert_array_equal(got, rope.apply(x.numpy(), plan=rope.plan(6)))


def test_tensors_that_need_a_gradient_are_refused(rng):
    good = {name: torch.tensor(rng.normal(size=(4, 6))) for name in "abx"}
    for name in "abx":
        given = {**good, name: good[name].clone().requires_grad_()}
        with pytest.raises(TypeError, match=rf"\b{name}\b.*detach\(\)"):
            orthogonal.rotate_between(**given)
    with pytest.raises(TypeError, match=r"\bq\b.*detach\(\)"):
        rope.apply(good["x"].clone().requires_grad_(), plan=rope.plan(6))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_tensors_in_place(dtype, rng):
    """Memory is shared, bfloat16 included; every rotation is written to the tensor itself."""
    plan = dataclasses.replace(rope.plan(8), rotary_dim=8)
    native = np.dtype(getattr(ml_dtypes, dtype) if dtype == "bfloat16" else dtype)
    x = rng.normal(size=(2, 5, 8)).astype(native)
    wanted = rope.apply(x, plan=plan, offsets=3)
    tensor = torch.tensor(x.astype(np.float64)).to(getattr(torch, dtype))
    address = tensor.data_ptr()
    assert rope.apply_(tensor, plan=plan, offsets=3) is tensor
    assert tensor.data_ptr() == address
    np.testing.assert_array_equal(tensor.to(torch.float64).numpy(), wanted.astype(np.float64))


def test_bfloat16_tensors(rng):
    tensor = torch.tensor(rng.normal(size=(3, 9, 64))).to(torch.bfloat16)
    plan = rope.plan(64)
    got = rope.apply(tensor, plan=plan)
    assert got.dtype == ml_dtypes.bfloat16
    x = tensor.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(bits(got), bits(rope.apply(x, plan=plan)))
    exact = rope.apply(tensor.to(torch.float64), plan=plan)
    assert error(got, exact, 1e-30 + np.abs(exact)) <= 0.51  # half an ulp of bfloat16
    with pytest.raises(TypeError, match=r"\bx\b"):
        orthogonal.reflect(tensor, tensor)


def test_tensors_on_no_cpu_are_refused():
    tensor = torch.ones(4, 6, device="meta")
    with pytest.raises(TypeError, match=r"\bq\b"):
        rope.apply(tensor, plan=rope.plan(6))


def test_bfloat16_conversion_agrees_with_torch(rng):
    from isokern import _core

    x = rng.integers(0, 2**32, size=100_000, dtype=np.uint32).view(np.float32)
    x = x[np.isfinite(x)]
    for kind, narrow in (
        (torch.bfloat16, _core.float_to_bf16),
        (torch.float16, _core.float_to_f16),
    ):
        wanted = torch.tensor(x).to(kind).view(torch.uint16).numpy()
        np.testing.assert_array_equal(narrow(x), wanted)

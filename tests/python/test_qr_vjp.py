# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients of factorisations: against the definition, which undoes them step by step, and others.

Errors are counted in eps times the largest part of the gradient, `support.terms` and the condition.
"""

import numpy as np
import pytest
from support import FLOATS, LAYOUTS, differences, error, same_bits, terms, wide

from isokern import orthogonal, reference

BUDGET = 1
SHAPES = [(1, 1), (1, 6), (6, 1), (2, 2), (5, 3), (3, 5), (8, 8), (40, 33), (33, 33), (20, 70)]
MODES = ["reduced", "r", "complete"]
SMALL = [(1, 1), (1, 4), (4, 1), (5, 3), (3, 3), (3, 5)]


def determined(shapes):
    """Pairs of a shape and a mode; where m > n, further columns of q are not determined by x."""
    return [(s, m) for s in shapes for m in MODES if m != "complete" or s[0] <= s[1]]


def outputs(x, mode):
    """Return q and r, or r, as a tuple."""
    values = orthogonal.qr(x, mode=mode)
    return values if isinstance(values, tuple) else (values,)


def condition(x):
    return np.linalg.cond(x[..., : min(x.shape[-2:])].astype(float))[..., None, None]


def well_conditioned(rng, dtype, *shape):
    """A gradient grows with the condition twice, which is not the subject."""
    x = rng.normal(size=shape)
    u, s, w = np.linalg.svd(x, full_matrices=False)
    return ((u * (1 + s / s[..., :1])[..., None, :]) @ w).astype(dtype)


def gradient(g, x, mode, module=orthogonal):
    """Call qr_vjp with what belongs to the result of qr: a tuple, or one array."""
    return module.qr_vjp(g if mode != "r" else g[0], x, mode=mode)


def random_cotangents(rng, x, mode):
    return tuple(rng.normal(size=value.shape).astype(x.dtype) for value in outputs(x, mode))


@pytest.mark.parametrize(("shape", "mode"), determined(SHAPES), ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_agree_with_the_definition(dtype, shape, mode, rng):
    for batch in ((), (2, 3) if max(shape) < 10 else (2,)):
        x = well_conditioned(rng, dtype, *batch, *shape)
        g = random_cotangents(rng, x, mode)
        got = gradient(g, x, mode)
        assert (got.shape, got.dtype) == (x.shape, dtype)
        exact = gradient(wide(*g), *wide(x), mode, reference.orthogonal)
        size = np.max(np.abs(exact), axis=(-2, -1), keepdims=True)
        total = np.sqrt(sum(np.sum(a.astype(float) ** 2, axis=(-2, -1), keepdims=True) for a in g))
        scale = (size + total) * condition(x) ** 2
        assert error(got, exact, scale * terms(shape[0], min(shape))) <= BUDGET


@pytest.mark.parametrize(("shape", "mode"), determined(SMALL), ids=str)
def test_gradients_agree_with_differences(shape, mode, rng):
    x = rng.normal(size=(2, *shape))
    g = random_cotangents(rng, x, mode)
    for part in range(len(g)):
        one = tuple(bar if i == part else None for i, bar in enumerate(g))
        got = gradient(one, x, mode)
        (wanted,) = differences(lambda x, part=part: outputs(x, mode)[part], [x], g[part])
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6 * (1 + np.abs(got).max()))


@pytest.mark.parametrize("shape", [(6, 4), (4, 4), (4, 6), (30, 20)], ids=str)
def test_gradients_agree_with_autograd(shape, rng):
    torch = pytest.importorskip("torch")
    x = well_conditioned(rng, np.float64, 3, *shape)
    g = random_cotangents(rng, x, "reduced")
    tensor = torch.tensor(x, requires_grad=True)
    torch.autograd.backward(torch.linalg.qr(tensor), [torch.tensor(bar) for bar in g])
    got = orthogonal.qr_vjp(g, x)
    np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=0, atol=1e-12 * np.abs(got).max())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7)], ids=str)
def test_where_reflectors_are_the_identity(shape, dtype, rng):
    """Triangular matrices are their own R, with its signs; the gradient is that of these signs."""
    x = np.triu(well_conditioned(rng, dtype, 2, *shape))
    diagonal = np.arange(min(shape))
    x[:, diagonal, diagonal] += np.where(x[:, diagonal, diagonal] < 0, -1, 1)
    g = random_cotangents(rng, x, "reduced")
    got = orthogonal.qr_vjp(g, x)
    exact = reference.orthogonal.qr_vjp(tuple(wide(*g)), *wide(x))
    scale = (1 + np.max(np.abs(exact))) * condition(x) ** 2
    assert error(got, exact, scale * terms(shape[0], min(shape))) <= BUDGET


@pytest.mark.parametrize("mode", MODES)
def test_cotangents_that_are_not_given_are_zero(mode, rng):
    x = rng.normal(size=(4, 4))
    g = random_cotangents(rng, x, mode)
    count = len(g)
    nothing = gradient((None,) * count, x, mode)
    np.testing.assert_array_equal(nothing, np.zeros((4, 4)))
    for part in range(count):
        given = tuple(bar if i == part else None for i, bar in enumerate(g))
        zeros = tuple(bar if i == part else np.zeros_like(bar) for i, bar in enumerate(g))
        got, wanted = (gradient(value, x, mode) for value in (given, zeros))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_what_lies_below_the_diagonal_does_not_count(rng):
    x, (q_bar, r_bar) = rng.normal(size=(5, 4)), rng.normal(size=(2, 5, 4))
    wanted = orthogonal.qr_vjp((q_bar, np.triu(r_bar[:4])), x)
    np.testing.assert_allclose(orthogonal.qr_vjp((q_bar, r_bar[:4]), x), wanted, rtol=1e-14)


@pytest.mark.parametrize("dtype", FLOATS)
def test_scales(dtype, rng):
    """The gradient in x of q falls as 1 / |x|, that of r does not change."""
    x = well_conditioned(rng, dtype, 7, 5)
    q_bar, r_bar = random_cotangents(rng, x, "reduced")
    for power in (40, -40) if dtype == np.float32 else (500, -500):
        factor = dtype(2.0**power)
        for g, size in (((q_bar, None), factor), ((None, r_bar), dtype(1))):
            wanted = orthogonal.qr_vjp(g, x)
            got = orthogonal.qr_vjp(g, x * factor) * size
            assert error(got, wanted, np.max(np.abs(wanted)) * terms(7, 5)) <= BUDGET


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("mode", MODES)
def test_bad_items_are_nan_and_alone(mode, bad, rng):
    x = rng.normal(size=(2, 3, 4, 4))
    g = random_cotangents(rng, x, mode)
    good = gradient(g, x, mode)
    x[1, 2, 3, 0] = bad
    got = gradient(g, x, mode)
    assert np.isnan(got[1, 2]).all()
    got[1, 2] = good[1, 2]
    np.testing.assert_array_equal(got, good)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_memory(layout, rng):
    x = rng.normal(size=(3, 7, 7))
    g = random_cotangents(rng, x, "reduced")
    laid = [LAYOUTS[layout](array) for array in (*g, x)]
    for array in laid:
        array.flags.writeable = False
    np.testing.assert_array_equal(
        orthogonal.qr_vjp(tuple(laid[:2]), laid[2]), orthogonal.qr_vjp(g, x)
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(200, 9, 6), (130, 70), (60, 150)], ids=str)
def test_threads(shape, dtype, rng):
    x = rng.standard_normal(shape, dtype=dtype)
    g = tuple(np.ones_like(value) for value in orthogonal.qr(x))
    same_bits(lambda: orthogonal.qr_vjp(g, x))


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 0, 4, 4), (3, 0), (0, 3), (2, 5, 0)])
def test_empty(shape):
    x = np.zeros(shape)
    g = tuple(np.zeros(value.shape) for value in orthogonal.qr(x))
    assert orthogonal.qr_vjp(g, x).shape == shape


def test_no_gradient_without_full_rank(rng):
    x = rng.normal(size=(3, 4, 3))
    x[1, :, 1] = 0
    with pytest.raises(np.linalg.LinAlgError):
        orthogonal.qr_vjp(orthogonal.qr(x), x)


def test_arguments(rng):
    x = rng.normal(size=(2, 4, 3))
    q_bar, r_bar = random_cotangents(rng, x, "reduced")
    with pytest.raises(ValueError, match=r"qr_vjp: .*factored.*reduced"):
        orthogonal.qr_vjp((q_bar, None, r_bar), x, mode="factored")
    with pytest.raises(ValueError, match=r"qr_vjp: mode.*reduced.*complete.*\br\b"):
        orthogonal.qr_vjp((q_bar, r_bar), x, mode="full")
    with pytest.raises(ValueError, match=r"qr_vjp: .*complete"):
        orthogonal.qr_vjp((None, None), x, mode="complete")
    for wrong in [(q_bar[0], r_bar), (q_bar, r_bar[0]), (r_bar, q_bar), (q_bar[..., :2], r_bar)]:
        with pytest.raises(ValueError, match=r"qr_vjp: .*(cotangents?|[qr]_bar)\b"):
            orthogonal.qr_vjp(wrong, x)
    for wrong in [(q_bar,), (q_bar, r_bar, None), ()]:
        with pytest.raises((TypeError, ValueError), match=r"qr_vjp: .*(cotangents?|[qr]_bar)\b"):
            orthogonal.qr_vjp(wrong, x)
    for wrong in [(q_bar.astype(np.float32), r_bar), (None, r_bar.astype(complex))]:
        with pytest.raises(TypeError, match=r"qr_vjp: .*dtype"):
            orthogonal.qr_vjp(wrong, x)
    with pytest.raises(ValueError, match=r"qr_vjp: x\b"):
        orthogonal.qr_vjp((None, None), np.ones(3))

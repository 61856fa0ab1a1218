# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Invariants on random shapes, strides and values: what the library is for."""

import numpy as np
import pytest
from support import column_norm, eps, error, norm, pair_norm, terms, unit

from isokern import orthogonal, reference, rope

hypothesis = pytest.importorskip("hypothesis")
st = pytest.importorskip("hypothesis.strategies")
npst = pytest.importorskip("hypothesis.extra.numpy")

SETTINGS = hypothesis.settings(deadline=None, max_examples=60, derandomize=True, database=None)
DTYPES = st.sampled_from([np.float32, np.float64])


@st.composite
def views(draw, shape, dtype):
    """Draw an array of finite values of moderate size, in a random layout of memory."""
    seed = draw(st.integers(0, 2**32 - 1))
    steps = [draw(st.sampled_from([1, 1, 2, -1, -3])) for _ in shape]
    rng = np.random.default_rng(seed)
    memory = rng.normal(size=[abs(step) * n for step, n in zip(steps, shape, strict=True)])
    if draw(st.booleans()):
        memory = np.round(memory * 2) / 2  # zeros, ties and equal components
    view = memory.astype(dtype)[tuple(slice(None, None, step) for step in steps)]
    order = draw(st.permutations(range(len(shape))))
    inverse = np.argsort(order)
    return np.ascontiguousarray(np.transpose(view, order)).transpose(inverse) if shape else view


@st.composite
def broadcasting(draw, count, dtype, smallest=1):
    """Draw arrays (..., d) whose batch axes broadcast together."""
    shapes = draw(npst.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=4))
    d = draw(st.integers(smallest, 19))
    return [draw(views((*shape, d), dtype)) for shape in shapes.input_shapes]


def tight(dtype, budget):
    """Return the error allowed: float32 is summed in double precision and needs far less."""
    return 2.5 if dtype == np.float32 else budget


def directions(*arrays):
    """Keep away from the zero vector, which is refused, by moving one component."""
    for array in arrays:
        array[..., 0] = np.where(np.any(array != 0, axis=-1), array[..., 0], 1)


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES)
def test_maps_keep_lengths_and_carry_a_to_b(data, dtype):
    a, b, x = data.draw(broadcasting(3, dtype, smallest=2))
    directions(a, b)
    shape = np.broadcast_shapes(a.shape, b.shape, x.shape)
    for name in ("reflect_between", "rotate_between"):
        apply = getattr(orthogonal, name)
        y = apply(a, b, x)
        assert y.shape == shape
        assert y.dtype == dtype
        lengths = np.broadcast_to(norm(x), norm(y).shape)
        assert np.all(np.abs(norm(y) - lengths) <= tight(dtype, 6) * eps(dtype) * lengths)
        image = apply(a, b, a)
        target = np.broadcast_to(norm(a) * unit(b), image.shape)
        assert error(image, target, norm(a)) <= tight(dtype, 4)
    back = orthogonal.rotate_between(a, b, y, transpose=True)
    assert error(back, np.broadcast_to(x, shape), 1e-30 + norm(x)) <= tight(dtype, 8)
    again = orthogonal.reflect_between(a, b, orthogonal.reflect_between(a, b, x))
    assert error(again, np.broadcast_to(x, shape), 1e-30 + norm(x)) <= tight(dtype, 8)


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES)
def test_matrices_are_orthogonal(data, dtype):
    a, b = data.draw(broadcasting(2, dtype, smallest=2))
    directions(a, b)
    for name, determinant in (("reflection_matrix", -1), ("rotation_matrix", 1)):
        matrix = getattr(orthogonal, name)(a, b).astype(np.float64)
        gram = np.swapaxes(matrix, -1, -2) @ matrix
        assert np.all(np.abs(gram - np.eye(a.shape[-1])) <= 16 * eps(dtype))
        assert np.all(np.abs(np.linalg.det(matrix) - determinant) <= 100 * eps(dtype))


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES)
def test_reflect_is_the_definition(data, dtype):
    v, x = data.draw(broadcasting(2, dtype))
    directions(v)
    exact = reference.orthogonal.reflect(v.astype(float), x.astype(float))
    y = orthogonal.reflect(v, x)
    assert error(y, exact, 1e-30 + norm(x)) <= tight(dtype, 4)
    assert error(orthogonal.reflect(v, y), np.broadcast_to(x, y.shape), 1e-30 + norm(x)) <= tight(
        dtype, 8
    )


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES)
def test_gradients_have_the_shapes_and_values_of_the_definition(data, dtype):
    a, b, x = data.draw(broadcasting(3, dtype, smallest=2))
    rng = np.random.default_rng(a.size)
    # Directions at a right angle on average: conditioning is the subject of another test.
    a[...] = np.abs(rng.normal(size=a.shape)) + 0.1
    b[...] = (rng.normal(size=b.shape)) / 4 - 1 + 2 * (np.arange(a.shape[-1]) % 2)
    g = rng.normal(size=np.broadcast_shapes(a.shape, b.shape, x.shape)).astype(dtype)
    terms = 1 + np.sum(norm(g) * (1 + norm(x)))
    for name in ("reflect_between_vjp", "rotate_between_vjp"):
        got = getattr(orthogonal, name)(g, a, b, x)
        wide = [value.astype(float) for value in (g, a, b, x)]
        exact = getattr(reference.orthogonal, name)(*wide)
        for value, wanted, given in zip(got, exact, (a, b, x), strict=True):
            assert value.shape == given.shape
            scale = terms / min(1, np.min(norm(given), initial=1))
            assert error(value, wanted, scale) <= 4


@st.composite
def matrices(draw, count, dtype):
    """Draw m, and arrays (..., m, n) with n of their own whose batch axes broadcast together."""
    shapes = draw(npst.mutually_broadcastable_shapes(num_shapes=count, max_dims=2, max_side=3))
    m = draw(st.integers(1, 40))
    sizes = [draw(st.integers(0, 40)) for _ in shapes.input_shapes]
    return [
        draw(views((*shape, m, n), dtype))
        for shape, n in zip(shapes.input_shapes, sizes, strict=True)
    ]


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES)
def test_products_keep_lengths_and_are_undone(data, dtype):
    v, x = data.draw(matrices(2, dtype))
    v[..., 0, :] = np.where(np.any(v != 0, axis=-2), v[..., 0, :], 1)
    (m, k), n = v.shape[-2:], x.shape[-1]
    shape = (*np.broadcast_shapes(v.shape[:-2], x.shape[:-2]), m, n)
    y = orthogonal.apply_reflectors(v, x)
    assert (y.shape, y.dtype) == (shape, dtype)
    lengths = np.broadcast_to(column_norm(x), column_norm(y).shape)
    # Reflectors of small integers are easily parallel, which the whole number of them may feel.
    room = 32 * terms(1, k) * eps(dtype)
    assert np.all(np.abs(column_norm(y) - lengths) <= room * lengths)
    back = orthogonal.apply_reflectors(v, y, transpose=True)
    assert error(back, np.broadcast_to(x, shape), 1e-30 + lengths) <= 32 * terms(1, k)
    flipped = np.swapaxes(x, -1, -2)
    right = orthogonal.apply_reflectors(v, flipped, side="right", transpose=True)
    assert error(np.swapaxes(right, -1, -2), y, 1e-30 + lengths) <= 32 * terms(1, k)
    q = orthogonal.form_q(v, thin=False)
    product = q.astype(np.longdouble) @ x.astype(np.longdouble)
    assert error(y, product, 1e-30 + lengths) <= 32 * (terms(1, k) + m)
    assert np.all(np.abs(np.linalg.det(q.astype(float)) - (-1) ** k) <= room * m)


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES)
def test_factors_of_any_matrix(data, dtype):
    (x,) = data.draw(matrices(1, dtype))
    m, n = x.shape[-2:]
    p = min(m, n)
    q, r = orthogonal.qr(x)
    assert (q.shape[-2:], r.shape[-2:]) == ((m, p), (p, n))
    np.testing.assert_array_equal(r, np.triu(r))
    product = q.astype(np.longdouble) @ r.astype(np.longdouble)
    assert error(x, product, 1e-30 + column_norm(x)) <= 4 * terms(m, p)
    gram = np.swapaxes(q, -1, -2).astype(float) @ q.astype(float)
    assert np.all(np.abs(gram - np.eye(p)) <= 4 * terms(m, p) * eps(dtype))
    v, tau, other = orthogonal.qr(x, mode="factored")
    assert error(other, r, 1e-30 + column_norm(x)) <= 4 * terms(m, p)
    formed = orthogonal.form_q(v, tau=tau, storage="lapack")
    assert error(formed, q) <= 4 * terms(m, p)


@SETTINGS
@hypothesis.given(data=st.data(), dtype=DTYPES, bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_one_bad_row_is_one_bad_row(data, dtype, bad):
    (x,) = data.draw(broadcasting(1, dtype, smallest=2))
    hypothesis.assume(x.size > 0)
    a, b = np.random.default_rng(x.size).normal(size=(2, x.shape[-1])).astype(dtype)
    clean = orthogonal.rotate_between(a, b, x)
    row = tuple(data.draw(st.integers(0, n - 1)) for n in x.shape[:-1])
    x[(*row, data.draw(st.integers(0, x.shape[-1] - 1)))] = bad
    got = orthogonal.rotate_between(a, b, x)
    assert not np.isfinite(got[row]).any()
    got[row] = clean[row]
    np.testing.assert_array_equal(got, clean)


@st.composite
def plans(draw):
    """Draw a plan of one axis, with a slice, a layout and a factor."""
    pairs = draw(st.integers(1, 20))
    frequencies = draw(st.lists(st.floats(1e-6, 4.0), min_size=pairs, max_size=pairs))
    return rope.RopePlan(
        inv_freq=frequencies,
        axis=[0] * pairs,
        layout=draw(st.sampled_from(["half", "interleaved"])),
        rotary_offset=draw(st.integers(0, 3)),
        attention_factor=draw(st.sampled_from([1.0, 0.5, 1.25])),
    )


def longest(x):
    """Return the largest size in each row: a scale that coordinates left alone have, too."""
    return np.max(np.abs(x), axis=-1, keepdims=True, initial=1e-30)


@SETTINGS
@hypothesis.given(data=st.data(), plan=plans(), dtype=DTYPES)
def test_rope_keeps_pairs_and_is_undone(data, plan, dtype):
    batch = data.draw(npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    seq, dim = data.draw(st.integers(0, 9)), plan.rotary_offset + plan.rotary_dim
    x = data.draw(views((*batch, seq, dim + data.draw(st.integers(0, 3))), dtype))
    shape = data.draw(st.sampled_from([(seq,), (*batch, seq), (*(1 for _ in batch), seq)]))
    positions = data.draw(npst.arrays(np.int64, shape, elements=st.integers(-(2**53), 2**53)))
    y = rope.apply(x, plan=plan, positions=positions)
    before, after = plan.attention_factor * pair_norm(x, plan), pair_norm(y, plan)
    assert np.all(np.abs(after - before) <= 3 * eps(dtype) * before)
    back = rope.apply(y, plan=plan, positions=positions, inverse=True)
    assert error(back, x, longest(x)) <= 4
    gradient = rope.vjp(y, plan=plan, positions=positions)
    turned = pair_norm(x, plan) > 0
    wanted = np.where(turned, x * dtype(plan.attention_factor**2), x)
    assert error(gradient, wanted, longest(x)) <= 6


@SETTINGS
@hypothesis.given(
    seed=st.integers(0, 999),
    shift=st.integers(-(10**12), 10**12),
    axes=st.booleans(),
)
def test_scores_depend_on_relative_positions_alone(seed, shift, axes):
    """(R_p q).(R_s k) is the same for p + t, s + t; in two dimensions for any vector t."""
    rng = np.random.default_rng(seed)
    plan = rope.plan_2d(32) if axes else rope.plan(32)
    q, k = rng.normal(size=(2, 6, 32))
    positions = rng.integers(-100, 100, size=(2, 6, 2) if axes else (2, 6))
    moved = positions + (np.array([shift, -3 * shift + 1]) if axes else shift)
    scores = [
        rope.apply(q, plan=plan, positions=p[0]) @ rope.apply(k, plan=plan, positions=p[1]).T
        for p in (positions, moved)
    ]
    np.testing.assert_allclose(scores[1], scores[0], rtol=0, atol=1e-13)


def test_two_axes_tell_positions_apart(rng):
    """The embedding is injective: different places give different vectors."""
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(-1, 2)
    x = np.tile(rng.normal(size=16), (144, 1))
    y = rope.apply(x, plan=rope.plan_2d(16), positions=grid)
    gaps = np.linalg.norm(y[:, None] - y[None], axis=-1)[~np.eye(144, dtype=bool)]
    assert gaps.min() > 0.1

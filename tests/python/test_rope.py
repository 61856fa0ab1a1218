# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary positions against their definition, in every layout, dtype and way to give positions."""

import dataclasses

import numpy as np
import pytest
from support import FLOATS, bits, eps, rope_excess, wide

from isokern import reference, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
# Of a pair's length, in half eps: 0.71 for the rounding of cosine and sine, 1 for the products, 1
# for the sum; float64 tables have a rounding more, since there is no wider type to make them in.
BUDGET = {8: 2.0, 4: 1.4, 2: 1.4}


def check(x, plan, *, call=rope.apply, definition=reference.rope.apply, scale=1.0, **where):
    """Hold a call against its definition and return what it gave."""
    y = call(x, plan=plan, **where)
    assert y.dtype == x.dtype
    assert y.shape == x.shape
    exact = definition(*wide(x), plan=plan, **where)
    assert rope_excess(y, exact, x, plan, scale) <= BUDGET[x.dtype.itemsize]
    turned = np.zeros(x.shape[-1], bool)
    turned[plan.rotary_offset : plan.rotary_offset + plan.rotary_dim] = True
    np.testing.assert_array_equal(bits(y[..., ~turned]), bits(x[..., ~turned]))
    return y


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [2, 4, 6, 16, 30, 64, 80, 96, 128, 256])
def test_default_positions(dim, dtype, layout, rng):
    x = rng.normal(size=(2, 3, 19, dim)).astype(dtype)
    check(x, rope.plan(dim, layout=layout))


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("dim", "width", "offset"), [(64, 16, 0), (64, 40, 24), (50, 48, 1), (9, 2, 7)]
)
def test_part_of_the_coordinates(dim, width, offset, dtype, layout, rng):
    plan = rope.plan(dim, layout=layout, rotary_dim=width)
    plan = dataclasses.replace(plan, rotary_offset=offset)
    check(rng.normal(size=(2, 11, dim)).astype(dtype), plan)


@pytest.mark.parametrize("dtype", FLOATS)
def test_long_sequences(dtype, rng):
    """Default positions may be advanced by recurrence; the error must not grow along the way."""
    x = rng.normal(size=(5000, 32)).astype(dtype)
    check(x, rope.plan(32))
    check(x, rope.plan(32, layout="interleaved"), offsets=123_456_789)


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("inverse", [False, True])
def test_attention_factor_inverse_and_gradient(inverse, dtype, layout, rng):
    plan = dataclasses.replace(rope.plan(24, layout=layout), attention_factor=1.375)
    x = rng.normal(size=(3, 7, 24)).astype(dtype)
    scale = 1 / 1.375 if inverse else 1.375
    check(x, plan, inverse=inverse, scale=scale, offsets=5)
    check(
        x,
        plan,
        call=rope.vjp,
        definition=reference.rope.vjp,
        inverse=inverse,
        scale=scale,
        positions=np.arange(7)[::-1] * 3,
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradient_is_the_transposed_map(dtype, rng):
    plan = dataclasses.replace(rope.plan(16), attention_factor=0.75)
    x, g = rng.normal(size=(2, 4, 9, 16)).astype(dtype)
    for inverse in (False, True):
        forward = np.sum(g * rope.apply(x, plan=plan, inverse=inverse), dtype=np.longdouble)
        backward = np.sum(rope.vjp(g, plan=plan, inverse=inverse) * x, dtype=np.longdouble)
        assert float(forward) == pytest.approx(float(backward), abs=60 * eps(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(13,), (1, 13), (4, 1, 13), (3, 13), (4, 3, 13)])
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, np.float64])
def test_positions(kind, shape, dtype, rng):
    x = rng.normal(size=(4, 3, 13, 20)).astype(dtype)
    positions = rng.integers(0, 200, size=shape).astype(kind)
    if kind is np.float64:
        positions = positions * 1e4 - 1e6 + 0.3
    y = check(x, rope.plan(20), positions=positions)
    spread = np.broadcast_to(positions, (4, 3, 13))
    np.testing.assert_array_equal(bits(y), bits(check(x, rope.plan(20), positions=spread)))


@pytest.mark.parametrize(
    "offsets", [0, 17, -4, np.int64(2**40), [[5], [0], [99], [-3]], [[1, 2, 3]]]
)
def test_offsets_are_consecutive_positions(offsets, rng):
    x = rng.normal(size=(4, 3, 13, 20))
    y = check(x, rope.plan(20), offsets=offsets)
    positions = np.asarray(offsets)[..., None] + np.arange(13)
    given = rope.apply(x, plan=rope.plan(20), positions=positions)
    np.testing.assert_allclose(y, given, rtol=0, atol=4e-15)


@pytest.mark.parametrize("seq_axis", [0, 1, 2, -2, -3, -4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sequence_at_any_axis(dtype, seq_axis, rng):
    x = rng.normal(size=(3, 4, 5, 12)).astype(dtype)
    plan = rope.plan(12)
    y = check(x, plan, seq_axis=seq_axis, offsets=7)
    moved = rope.apply(np.moveaxis(x, seq_axis, -2).copy(), plan=plan, offsets=7)
    np.testing.assert_array_equal(bits(y), bits(np.moveaxis(moved, -2, seq_axis)))


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("grouping", ["alternate", "split"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_axes(dtype, grouping, layout, rng):
    plan = rope.plan_2d(32, base=100.0, grouping=grouping, layout=layout)
    x = rng.normal(size=(2, 3, 35, 32)).astype(dtype)
    grid = np.stack(np.meshgrid(np.arange(7), np.arange(5)), axis=-1).reshape(35, 2)
    y = check(x, plan, positions=grid)
    spread = np.broadcast_to(grid, (2, 1, 35, 2))
    np.testing.assert_array_equal(bits(rope.apply(x, plan=plan, positions=spread)), bits(y))
    check(x, plan, positions=rng.normal(size=(3, 35, 2)) * 100)


def test_the_article_turns_the_first_pair_of_four_by_x_and_the_second_by_y():
    ones = np.tile([1.0, 0.0], 4)
    y = rope.apply(ones[None], plan=rope.plan_2d(8), positions=np.array([[0.5, 0.25]]))[0]
    angles = [0.5, 0.25, 0.005, 0.0025]
    np.testing.assert_allclose(y[::2], np.cos(angles), rtol=1e-15)
    np.testing.assert_allclose(y[1::2], np.sin(angles), rtol=1e-15)


def test_plans_of_three_axes(rng):
    plan = rope.RopePlan(
        inv_freq=[1.0, 0.3, 0.7, 0.01, 2.0], axis=[2, 0, 1, 1, 0], layout="half", rotary_offset=3
    )
    assert plan.n_axes == 3
    check(rng.normal(size=(2, 6, 14)), plan, positions=rng.integers(-50, 50, size=(2, 6, 3)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("q_heads", "k_heads"), [(8, 8), (8, 2), (6, 1)])
def test_queries_and_grouped_keys_in_one_call(q_heads, k_heads, dtype, rng):
    plan = rope.plan(40, layout="interleaved", rotary_dim=24)
    q = rng.normal(size=(3, q_heads, 10, 40)).astype(dtype)
    k = rng.normal(size=(3, k_heads, 10, 40)).astype(dtype)
    for where in ({}, {"offsets": [[4], [0], [8]]}, {"positions": rng.integers(0, 99, (3, 1, 10))}):
        for call in (rope.apply, rope.vjp):
            both = call(q, k, plan=plan, **where)
            assert isinstance(both, tuple)
            for got, alone in zip(both, (q, k), strict=True):
                np.testing.assert_array_equal(bits(got), bits(call(alone, plan=plan, **where)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_axes_of_the_sequence_in_front_of_the_heads(dtype, rng):
    """The layout (batch, seq, heads, dim) with one offset for each sequence."""
    q = rng.normal(size=(2, 9, 4, 16)).astype(dtype)
    k = rng.normal(size=(2, 9, 2, 16)).astype(dtype)
    offsets = np.array([[3], [70]])
    got = rope.apply(q, k, plan=rope.plan(16), seq_axis=1, offsets=offsets)
    for y, x in zip(got, (q, k), strict=True):
        check(x, rope.plan(16), seq_axis=1, offsets=offsets)
        for row, start in enumerate((3, 70)):
            single = rope.apply(x[row], plan=rope.plan(16), seq_axis=0, offsets=start)
            np.testing.assert_array_equal(bits(y[row]), bits(single))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 8), (3, 0, 8), (0, 5, 8)])
def test_empty(shape, dtype):
    x = np.zeros(shape, dtype)
    y = rope.apply(x, plan=rope.plan(8))
    assert y.shape == shape
    assert y.dtype == dtype
    assert rope.apply_(x, plan=rope.plan(8)) is x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("dim", [8, 130])
@pytest.mark.parametrize("payload", [0, 0x7FFF, 0xFFC1])
def test_nan_and_infinity_stay_in_their_pair(payload, dim, layout, dtype, rng):
    plan = rope.plan(dim, layout=layout)
    x = rng.normal(size=(3, dim)).astype(dtype)
    clean = rope.apply(x, plan=plan)
    x[1, 2] = np.nan
    if payload and x.dtype.itemsize == 2:
        x.view(np.uint16)[1, 2] = payload | (0x7C00 if dtype == np.float16 else 0)
        assert np.isnan(x[1, 2])
    y = rope.apply(x, plan=plan)
    hit = np.zeros((3, dim), bool)
    hit[1, [2, 2 + dim // 2] if layout == "half" else [2, 3]] = True
    assert np.isnan(y[hit].astype(float)).all()
    np.testing.assert_array_equal(bits(y)[~hit], bits(clean)[~hit])

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The ways to say where tokens are give the same bits, and float32 angles those of others."""

import numpy as np
import pytest
from support import FLOATS, bits

import isokern
from isokern import reference, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = [*FLOATS, np.float16, ml_dtypes.bfloat16]
LENGTHS = (3, 0, 7, 1, 130)
BOUNDS = np.concatenate([[0], np.cumsum(LENGTHS)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("start", [0, 100, 4095, 262_100, 2**31, -70])
@pytest.mark.parametrize("layout", ["half", "interleaved"])
def test_starts_positions_and_packed_sequences_give_the_same_bits(layout, start, dtype, rng):
    plan = rope.plan(48, layout=layout, rotary_dim=40)
    q = rng.normal(size=(2, BOUNDS[-1], 48)).astype(dtype)
    packed = rope.apply(q, plan=plan, cu_seqlens=BOUNDS, offsets=[start] * 5)
    given = np.concatenate([start + np.arange(n) for n in LENGTHS])
    for positions in (given, given.astype(np.float64)):
        np.testing.assert_array_equal(bits(rope.apply(q, plan=plan, positions=positions)),
                                      bits(packed))  # fmt: skip
    for first, n in zip(BOUNDS, LENGTHS, strict=False):
        part = q[:, first : first + n]
        for offsets in (start, np.full(2, start), np.full(1, start)):
            alone = rope.apply(part, plan=plan, offsets=offsets)
            np.testing.assert_array_equal(bits(alone), bits(packed[:, first : first + n]))
    unsorted = rng.permutation(BOUNDS[-1])
    shuffled = rope.apply(q[:, unsorted], plan=plan, positions=given[unsorted])
    np.testing.assert_array_equal(bits(shuffled), bits(packed[:, unsorted]))


def test_packed_sequences_of_tokens_heads_and_coordinates(rng):
    q = rng.normal(size=(BOUNDS[-1], 4, 16)).astype(np.float32)
    k = rng.normal(size=(BOUNDS[-1], 2, 16)).astype(np.float32)
    both = rope.apply(q, k, plan=rope.plan(16), cu_seqlens=BOUNDS.astype(np.int32), seq_axis=0)
    for y, x in zip(both, (q, k), strict=True):
        exact = reference.rope.apply(x, plan=rope.plan(16), cu_seqlens=BOUNDS, seq_axis=0)
        np.testing.assert_allclose(y, exact, atol=1e-6)
        np.testing.assert_array_equal(y[3:10], rope.apply(x[3:10], plan=rope.plan(16), seq_axis=0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seq_axis", [-2, 1])
def test_single_tokens_of_many_sequences(seq_axis, dtype, rng):
    """Decoding: every way to say the same gives the same bits, in place too."""
    plan = rope.plan(24, layout="interleaved")
    shapes = ((2, 6, 4, 1, 24), (2, 6, 2, 1, 24)) if seq_axis == -2 else None
    shapes = shapes or ((6, 1, 4, 24), (6, 1, 2, 24))
    q, k = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    starts = rng.integers(0, 100_000, size=(*shapes[0][:-4], 6, 1) if seq_axis == -2 else (6, 1))
    got = rope.apply(q, k, plan=plan, offsets=starts, seq_axis=seq_axis)
    wide_dtype = np.float64 if dtype == np.float64 else np.float32
    cos, sin = rope.table(plan, starts[..., None], dtype=wide_dtype)
    given = rope.apply_table(q, k, cos=cos, sin=sin, layout="interleaved", seq_axis=seq_axis)
    again = rope.apply(q, k, plan=plan, positions=starts[..., None], seq_axis=seq_axis)
    for y, x, *others in zip(got, (q, k), given, again, strict=True):
        for index in np.ndindex(starts.shape[:-1]):
            alone = rope.apply(x[index], plan=plan, offsets=int(starts[index][0]),
                               seq_axis=-2 if seq_axis == -2 else 0)  # fmt: skip
            np.testing.assert_array_equal(bits(y[index]), bits(alone))
        for other in others:
            np.testing.assert_array_equal(bits(other), bits(y))
    rope.apply_(q, k, plan=plan, offsets=starts, seq_axis=seq_axis)
    for x, y in zip((q, k), got, strict=True):
        np.testing.assert_array_equal(bits(x), bits(y))
    with pytest.raises(ValueError, match="offsets"):
        rope.apply(q, plan=plan, offsets=np.zeros((5, 1), int), seq_axis=seq_axis)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_threads_do_not_change_bits(count, rng):
    q = rng.normal(size=(4, 6, 500, 64)).astype(np.float32)
    plan, mixed = rope.plan(64), rope.plan_mixed(64, rng.normal(size=6))
    offsets = np.array([[0], [1000], [5], [70_000]])
    grid = rng.normal(size=(500, 2))
    with isokern.threads(1):
        wanted = (
            rope.apply(q, plan=plan, offsets=offsets),
            rope.apply(q, plan=mixed, positions=grid),
        )
        gradients = rope.angle_vjp(q, q=q[::-1].copy(), plan=mixed, positions=grid)
    with isokern.threads(count):
        got = rope.apply(q, plan=plan, offsets=offsets), rope.apply(q, plan=mixed, positions=grid)
        again = rope.angle_vjp(q, q=q[::-1].copy(), plan=mixed, positions=grid)
    for one, other in zip((*wanted, *gradients), (*got, *again), strict=True):
        np.testing.assert_array_equal(bits(one), bits(other))


def test_float32_angles_are_those_of_torch(rng):
    torch = pytest.importorskip("torch")
    plan = rope.plan(64)
    positions = np.array([0, 1, 2047, 131_071, 1_048_575, 2**24 + 1])
    frequencies = torch.tensor(plan.inv_freq.tolist(), dtype=torch.float64).float()
    angle = torch.from_numpy(positions)[:, None].float() * frequencies
    cos, sin = rope.table(plan, positions, angles="float32")
    # Their cosines are within two units, ours rounded once.
    np.testing.assert_allclose(cos, angle.cos().numpy(), rtol=0, atol=1.3e-7)
    np.testing.assert_allclose(sin, angle.sin().numpy(), rtol=0, atol=1.3e-7)
    exact_cos, _ = rope.table(plan, positions)
    assert np.max(np.abs(cos - exact_cos), axis=-1)[-2:].min() > 1e-3
    q = rng.normal(size=(6, 64)).astype(np.float32)
    turned = rope.apply(q, plan=plan, positions=positions, angles="float32")
    np.testing.assert_array_equal(turned, rope.apply_table(q, cos=cos, sin=sin))
    work = q.copy()
    rope.apply_(work, plan=plan, positions=positions, angles="float32")
    np.testing.assert_array_equal(work, turned)
    for call in (rope.apply, rope.vjp):
        with pytest.raises(ValueError, match="angles"):
            call(q, plan=plan, angles="float16")


def test_float32_angles_of_mixed_plans_add_in_float32(rng):
    plan = rope.plan_mixed(16, rng.normal(size=2))
    points = rng.integers(0, 5000, size=(7, 2))
    f = plan.inv_freq.astype(np.float32)
    p = points.astype(np.float32)
    angle = p[:, 0, None] * f[0][:, None, :] + p[:, 1, None] * f[1][:, None, :]
    cos, _ = rope.table(plan, points, angles="float32")
    assert cos.shape == (2, 7, 8)
    np.testing.assert_allclose(cos, np.cos(angle.astype(np.float64)), rtol=0, atol=6e-8)


X = np.ones((3, 5, 8))
PLAN = rope.plan(8)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ({"cu_seqlens": [0, 2, 4]}, "cu_seqlens"),
        ({"cu_seqlens": [1, 5]}, "cu_seqlens"),
        ({"cu_seqlens": [0, 4, 2, 5]}, "cu_seqlens"),
        ({"cu_seqlens": []}, "cu_seqlens"),
        ({"cu_seqlens": [[0, 5]]}, "cu_seqlens"),
        ({"cu_seqlens": [0.0, 5.0]}, "cu_seqlens"),
        ({"cu_seqlens": [0, 5], "positions": np.arange(5)}, "cu_seqlens"),
        ({"cu_seqlens": [0, 2, 5], "offsets": [1, 2, 3]}, "offsets"),
        ({"cu_seqlens": [0, 2, 5], "offsets": [1.0, 2.0]}, "offsets"),
        ({"cu_seqlens": [0, 2, 5], "offsets": [1, 2**60]}, "offsets"),
        ({"cu_seqlens": [0, 2, 5], "offsets": [1, 2**53]}, "positions"),
        ({"offsets": [[2**53]]}, "offsets"),
        ({"plan": rope.plan_2d(8), "cu_seqlens": [0, 5]}, "cu_seqlens"),
    ],
)
def test_bad_places_are_named_and_nothing_is_written(where, name):
    x = X.copy()
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        rope.apply_(x, **{"plan": PLAN, **where})
    np.testing.assert_array_equal(x, 1)


def test_memory_that_repeats_is_not_written_in_place():
    x = np.ones((1, 8))
    repeated = np.lib.stride_tricks.as_strided(x, (5, 8), (0, 8))
    with pytest.raises(ValueError, match=r"\bq\b"):
        rope.apply_(repeated, plan=PLAN)
    with pytest.raises(ValueError, match=r"\bq\b.*read-only"):
        rope.apply_(np.broadcast_to(x, (5, 8)), plan=PLAN)
    np.testing.assert_array_equal(x, 1)
    assert rope.apply(repeated, plan=PLAN).shape == (5, 8)  # but it may be read


@pytest.mark.parametrize("dtype", DTYPES)
def test_transposed_views_in_place(dtype, rng):
    """(batch, seq, heads, dim) seen as (batch, heads, seq, dim), whichever way it is turned."""
    memory = rng.normal(size=(2, 6, 4, 8)).astype(dtype)
    wanted = rope.apply(memory, plan=PLAN, seq_axis=1)
    view = memory.swapaxes(1, 2)
    assert rope.apply_(view, plan=PLAN) is view
    np.testing.assert_array_equal(bits(memory), bits(wanted))
    backwards = memory[:, ::-1]
    rope.apply_(backwards, plan=PLAN, positions=np.arange(6)[::-1], seq_axis=1, inverse=True)
    again = rope.apply(wanted, plan=PLAN, seq_axis=1, inverse=True)
    np.testing.assert_array_equal(bits(memory), bits(again))

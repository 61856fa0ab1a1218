# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Gradients in frequencies and positions; keys brought from plan to plan; weights reordered."""

import dataclasses

import numpy as np
import pytest
from support import FLOATS, bits, eps, rope_excess, wide

from isokern import reference, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = [*FLOATS, np.float16, ml_dtypes.bfloat16]
FACTOR = {"attention_factor": 1.5}
PLANS = {
    "half": dataclasses.replace(rope.plan(20), **FACTOR),
    "interleaved": dataclasses.replace(
        rope.plan(20, layout="interleaved", rotary_dim=12, rotary_offset=3), **FACTOR
    ),
    "2-D": rope.plan_2d(20, grouping="split"),
    "mixed": rope.plan_mixed(20, [0.3, 1.0, 2.0], layout="half"),
    "xpos": rope.plan(20, scaling={"rope_type": "xpos", "centre": 4.0, "scale_base": 30.0}),
}


def points(plan, rng):
    shape = (2, 3, 7) if plan.n_axes == 1 else (2, 3, 7, plan.n_axes)
    return rng.normal(size=shape) * 20


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("inverse", [False, True])
def test_angle_gradients_are_the_definition(inverse, dtype, name, rng):
    plan = PLANS[name]
    q, g = rng.normal(size=(2, 2, 3, 7, 20)).astype(dtype)
    positions = points(plan, rng)
    got = rope.angle_vjp(g, q=q, plan=plan, positions=positions, inverse=inverse)
    exact = reference.rope.angle_vjp(
        *wide(g), q=wide(q)[0], plan=plan, positions=positions, inverse=inverse
    )
    tolerance = 100 * eps(np.float64 if dtype == np.float64 else np.float32)
    for value, wanted in zip(got, exact, strict=True):
        assert value.dtype == np.float64
        assert value.shape == wanted.shape
        np.testing.assert_allclose(value, wanted, atol=tolerance * np.abs(wanted).max())
    assert got[0].shape == plan.inv_freq.shape


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("inverse", [False, True])
def test_angle_gradients_are_finite_differences(inverse, name, rng):
    plan = PLANS[name]
    q, g = rng.normal(size=(2, 2, 3, 7, 20))
    positions = points(plan, rng) / 10
    frequencies, places = rope.angle_vjp(g, q=q, plan=plan, positions=positions, inverse=inverse)

    def value(step_frequency, step_position):
        moved = dataclasses.replace(plan, inv_freq=plan.inv_freq + step_frequency)
        y = rope.apply(q, plan=moved, positions=positions + step_position, inverse=inverse)
        return float(np.sum(g * y))

    h = 1e-6
    direction = rng.normal(size=plan.inv_freq.shape)
    slope = (value(h * direction, 0) - value(-h * direction, 0)) / (2 * h)
    assert slope == pytest.approx(float(np.sum(direction * frequencies)), rel=1e-6, abs=1e-6)
    direction = rng.normal(size=positions.shape)
    slope = (value(0, h * direction) - value(0, -h * direction)) / (2 * h)
    assert slope == pytest.approx(float(np.sum(direction * places)), rel=1e-6, abs=1e-6)


def test_angle_gradients_sum_over_what_shares_a_position(rng):
    plan = PLANS["half"]
    q, g = rng.normal(size=(2, 2, 4, 7, 20))
    k, h = rng.normal(size=(2, 2, 2, 7, 20))
    spread = np.broadcast_to(np.arange(7.0), (2, 4, 7))
    full_q = rope.angle_vjp(g, q=q, plan=plan, positions=spread)
    full_k = rope.angle_vjp(h, q=k, plan=plan, positions=spread[:, :2])
    for where, shape, axes in (
        ({}, (7,), (0, 1)),
        ({"offsets": 0}, (7,), (0, 1)),
        ({"cu_seqlens": [0, 7]}, (7,), (0, 1)),
        ({"offsets": [[0], [0]]}, (2, 1, 7), (1,)),
        ({"positions": spread[:, :1]}, (2, 1, 7), (1,)),
    ):
        frequencies, places = rope.angle_vjp(g, h, q=q, k=k, plan=plan, **where)
        np.testing.assert_allclose(frequencies, full_q[0] + full_k[0], rtol=1e-12, atol=1e-12)
        assert places.shape == shape
        wanted = full_q[1].sum(axis=axes) + full_k[1].sum(axis=axes)
        np.testing.assert_allclose(places, wanted.reshape(shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 5, 8), (3, 0, 8)])
def test_angle_gradients_of_nothing_are_zero(shape):
    frequencies, places = rope.angle_vjp(np.ones(shape), q=np.ones(shape), plan=rope.plan(8))
    np.testing.assert_array_equal(frequencies, np.zeros(4))
    np.testing.assert_array_equal(places, np.zeros(shape[-2]))


def test_bad_gradients_are_named():
    q = np.ones((2, 5, 8))
    plan = rope.plan(8)
    with pytest.raises(ValueError, match=r"\bk\b"):
        rope.angle_vjp(q, q, q=q, plan=plan)
    with pytest.raises(ValueError, match=r"\bcotangent_k\b"):
        rope.angle_vjp(q, q=q, k=q, plan=plan)
    with pytest.raises(ValueError, match=r"\bcotangent_q\b"):
        rope.angle_vjp(q[:1], q=q, plan=plan)
    with pytest.raises(TypeError, match=r"\bcotangent_q\b"):
        rope.angle_vjp(q.astype(np.float32), q=q, plan=plan)
    with pytest.raises(TypeError, match=r"\bplan\b"):
        rope.angle_vjp(q, q=q, plan=None)


OLD = rope.plan(24)
NEW = {
    "another base": rope.plan(24, base=5e5),
    "yarn": rope.plan(
        24, scaling={"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 512}
    ),
    "the same": rope.plan(24),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("start", [0, 10**6, 2**31])
def test_rerotated_keys(start, name, dtype, rng):
    new = NEW[name]
    k = rng.normal(size=(2, 3, 9, 24)).astype(dtype)
    positions = start + np.arange(9)
    got = rope.rerotate(k, old=OLD, new=new, positions=positions)
    exact = reference.rope.rerotate(*wide(k), old=OLD, new=new, positions=positions)
    budget = 2.5 if dtype == np.float64 else 1.4
    assert rope_excess(got, exact, k, new, new.attention_factor) <= budget
    work = k.copy()
    assert rope.rerotate(work, old=OLD, new=new, offsets=start, out=work) is work
    np.testing.assert_array_equal(bits(work), bits(got))
    if name == "the same":
        np.testing.assert_array_equal(bits(got), bits(k))


def test_rerotated_keys_of_other_plans(rng):
    k = rng.normal(size=(2, 3, 9, 24))
    grid = rng.integers(0, 30, size=(9, 2))
    xpos = {"rope_type": "xpos", "scale_base": 64.0}
    pairs = [
        (rope.plan_2d(24), rope.plan_2d(24, base=100.0, grouping="split"), grid),
        (rope.plan_mixed(24, [0.0, 1.0, 2.0]), rope.plan_mixed(24, [3.0, 0.5, 1.0]), grid),
        (rope.plan(24), rope.plan(24, scaling=xpos), np.arange(9)),
        (rope.plan(24, scaling=xpos), rope.plan(24, base=99.0, scaling=xpos), np.arange(9)),
    ]
    for old, new, positions in pairs:
        before, after = (
            rope.apply(k, plan=plan.for_keys(), positions=positions) for plan in (old, new)
        )
        moved = rope.rerotate(before, old=old, new=new, positions=positions)
        np.testing.assert_allclose(moved, after, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (OLD, rope.plan(12), "rotary_dim"),
        (OLD, rope.plan(24, layout="interleaved"), "layout"),
        (OLD, dataclasses.replace(OLD, rotary_offset=2), "rotary_offset"),
        (OLD, rope.plan_2d(24, layout="half"), "axes"),
        (dataclasses.replace(OLD, attention_factor=0.0), OLD, "attention_factor"),
        (dataclasses.replace(OLD, attention_factor=1e-320), OLD, "attention_factor"),
        (
            rope.plan(24, scaling={"rope_type": "xpos"}),
            rope.plan(24, scaling={"rope_type": "xpos", "centre": 5.0}), "centre",
        ),
    ],
)  # fmt: skip
def test_plans_that_do_not_go_together(old, new, name):
    k = np.ones((5, 24))
    with pytest.raises(ValueError, match=name):
        rope.rerotate(k, old=old, new=new, out=k)
    np.testing.assert_array_equal(k, 1)
    with pytest.raises(TypeError, match="old"):
        rope.rerotate(k, old=None, new=OLD)


SLICES = [(None, 0), (6, 0), (4, 2), (4, 4)]


@pytest.mark.parametrize(("width", "offset"), SLICES)
@pytest.mark.parametrize("kind", [np.float32, np.int8, ml_dtypes.bfloat16])
def test_permuted_rows(kind, width, offset, rng):
    for shape, heads in (((24, 5), 3), ((16,), 2), ((8,), 1)):
        w = rng.integers(-99, 99, size=shape).astype(kind)
        options = {"n_heads": heads, "rotary_dim": width, "rotary_offset": offset}
        for source, target in (("half", "interleaved"), ("interleaved", "half"), ("half", "half")):
            got = rope.permute_layout(w, source=source, target=target, **options)
            assert got.dtype == w.dtype
            exact = reference.rope.permute_layout(w, source=source, target=target, **options)
            np.testing.assert_array_equal(bits(got), bits(exact))
            back = rope.permute_layout(got, source=target, target=source, **options)
            np.testing.assert_array_equal(bits(back), bits(w))


def test_permuted_projections_keep_the_scores(rng):
    """Grouped heads: the rows of the keys are cut by the number of key heads."""
    heads, groups, dim = 4, 2, 16
    x = rng.normal(size=(7, 32))
    weights = {n: (rng.normal(size=(n * dim, 32)), rng.normal(size=n * dim))
               for n in (heads, groups)}  # fmt: skip
    norm = rng.normal(size=dim)

    def scores(layout):
        turned = []
        for n, (w, b) in weights.items():
            way = {"source": "interleaved", "target": layout}
            w, b = (rope.permute_layout(part, n_heads=n, **way) for part in (w, b))
            y = (x @ w.T + b).reshape(7, n, dim) * rope.permute_layout(norm, n_heads=1, **way)
            turned.append(rope.apply(y, plan=rope.plan(dim, layout=layout), seq_axis=0))
        q, k = turned
        return np.einsum("qhd,khd->hqk", q, np.repeat(k, heads // groups, axis=1))

    np.testing.assert_allclose(scores("half"), scores("interleaved"), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"n_heads": 5}, "n_heads"),
        ({"n_heads": 0}, "n_heads"),
        ({"source": "meta"}, "layout"),
        ({"target": "meta"}, "layout"),
        ({"rotary_dim": 7}, "rotary_dim"),
        ({"rotary_dim": 10}, "rotary_dim"),
        ({"rotary_offset": 8}, "rotary_dim"),
        ({"rotary_offset": -1}, "rotary_offset"),
        ({"w": np.float64(1)}, "w"),
        ({"w": np.zeros((0, 3))}, "w"),
    ],
)
def test_bad_permutations(change, name):
    good = {"w": np.ones((16, 3)), "source": "half", "target": "interleaved", "n_heads": 2}
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        rope.permute_layout(**{**good, **change})

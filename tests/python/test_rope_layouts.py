# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Every layout of embeddings in use is a plan, turned by the same kernels."""

import dataclasses

import numpy as np
import pytest
from support import FLOATS, bits, rope_excess, wide

from isokern import reference, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
D, P = 64, 32
J = np.arange(P)
HALF = J % (P // 2)


def axial(base):
    return base ** (-4.0 * HALF / D)


SPLIT = (J >= P // 2).astype(int)
# name: plan, layout, axis of each pair, frequency of each pair
CATALOGUE = {
    "1-D": (rope.plan(D), "half", 0 * J, 1e4 ** (-2.0 * J / D)),
    "Su 2-D": (rope.plan_2d(D), "interleaved", J % 2, 1e4 ** (-4.0 * (J // 2) / D)),
    "rope-vit axial": (
        rope.plan_2d(D, base=100.0, grouping="split"), "interleaved", SPLIT, axial(100.0),
    ),
    "Qwen2-VL vision": (
        rope.plan_2d(D, layout="half", grouping="split"), "half", SPLIT, axial(1e4),
    ),
    "Pixtral": (
        rope.plan_2d(D, layout="half", grouping="staggered"), "half", SPLIT,
        np.where(SPLIT == 0, 1e4 ** (-4.0 * J / D), 1e4 ** (-(4.0 * (J - P / 2) + 2) / D)),
    ),
    "DINOv3": (
        rope.plan_2d(D, base=100.0, layout="half", grouping="split", scale=2 * np.pi),
        "half", SPLIT, 2 * np.pi * axial(100.0),
    ),
    "pixels": (
        rope.RopePlan(np.pi * np.tile(np.linspace(1, 128, P // 2), 2), axis=SPLIT,
                      layout="interleaved"),
        "interleaved", SPLIT, np.pi * np.tile(np.linspace(1, 128, P // 2), 2),
    ),
    "three widths": (
        rope.plan_axes(D, (16, 24, 24)), "interleaved", np.repeat([0, 1, 2], (8, 12, 12)),
        np.concatenate([1e4 ** (-2.0 * np.arange(n // 2) / n) for n in (16, 24, 24)]),
    ),
    "Qwen2-VL text": (
        rope.plan_mrope(D, (8, 12, 12)), "half", np.repeat([0, 1, 2], (8, 12, 12)),
        1e4 ** (-2.0 * J / D),
    ),
    "Qwen3-VL text": (
        rope.plan_mrope(D, (12, 10, 10), arrangement="interleaved"), "half",
        np.where((J % 3 == 1) & (J < 30), 1, np.where((J % 3 == 2) & (J < 30), 2, 0)),
        1e4 ** (-2.0 * J / D),
    ),
    "ERNIE-4.5-VL": (
        rope.plan_mrope(D, (11, 11, 10), arrangement="spatial_first"), "half",
        np.where(J < 22, 1 + J % 2, 0), 1e4 ** (-2.0 * J / D),
    ),
    "Hunyuan, four axes": (
        rope.plan_mrope(D, (8, 8, 8, 8), scaling={"rope_type": "dynamic", "alpha": 1000.0}),
        "half", np.repeat([0, 1, 2, 3], 8), (1e4 * 1000 ** (D / (D - 2))) ** (-2.0 * J / D),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue(name, rng):
    plan, layout, axis, frequency = CATALOGUE[name]
    assert plan.layout == layout
    np.testing.assert_array_equal(plan.axis, axis)
    np.testing.assert_allclose(plan.inv_freq, frequency, rtol=1e-13)
    shape = (2, 1, 9) if plan.n_axes == 1 else (2, 1, 9, plan.n_axes)
    positions = rng.integers(0, 50, size=shape)
    for dtype in (*FLOATS, np.float16, ml_dtypes.bfloat16):
        q = rng.normal(size=(2, 4, 9, D)).astype(dtype)
        k = rng.normal(size=(2, 2, 9, D)).astype(dtype)
        got = rope.apply(q, k, plan=plan, positions=positions)
        for y, x in zip(got, (q, k), strict=True):
            exact = reference.rope.apply(*wide(x), plan=plan, positions=positions)
            assert rope_excess(y, exact, x, plan) <= (2.0 if dtype == np.float64 else 1.4)
            work = x.copy()
            rope.apply_(work, plan=plan, positions=positions)
            np.testing.assert_array_equal(bits(work), bits(y))


def test_counts_of_interleaved_sections():
    axis = rope.plan_mrope(128, (24, 20, 20), arrangement="interleaved").axis
    np.testing.assert_array_equal(np.bincount(axis), [24, 20, 20])
    clamped = rope.plan_mrope(64, (8, 12, 12), arrangement="interleaved").axis
    np.testing.assert_array_equal(np.bincount(clamped), [11, 11, 10])


@pytest.mark.parametrize("arrangement", ["contiguous", "interleaved", "spatial_first"])
def test_text_tokens_of_multimodal_plans_are_one_dimensional(arrangement, rng):
    plan = rope.plan_mrope(32, (6, 5, 5), arrangement=arrangement)
    q = rng.normal(size=(3, 7, 32)).astype(np.float32)
    positions = np.repeat(np.arange(7)[:, None], 3, axis=1)
    got = rope.apply(q, plan=plan, positions=positions)
    np.testing.assert_allclose(got, rope.apply(q, plan=rope.plan(32)), atol=1e-6)


def test_a_slice_at_the_end_of_the_head(rng):
    """As in latent attention, which rotates a tail."""
    for dtype in FLOATS:
        q = rng.normal(size=(2, 5, 96)).astype(dtype)
        plan = rope.plan(96, rotary_dim=32, rotary_offset=64)
        y = rope.apply(q, plan=plan)
        np.testing.assert_array_equal(y[..., :64], q[..., :64])
        tail = rope.apply(q[..., 64:].copy(), plan=rope.plan(32))
        np.testing.assert_array_equal(y[..., 64:], tail)
        rope.apply_(q[..., 64:], plan=rope.plan(32))
        np.testing.assert_array_equal(q, y)


@pytest.mark.parametrize("dtype", [*FLOATS, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("layout", ["half", "interleaved"])
def test_mixed_frequencies_of_each_head(layout, dtype, rng):
    plan = rope.plan_mixed(24, rng.uniform(0, 2 * np.pi, size=3), layout=layout)
    assert plan.inv_freq.shape == (2, 3, 12)
    x = rng.normal(size=(2, 3, 10, 24)).astype(dtype)
    for shape in ((10, 2), (2, 1, 10, 2), (2, 3, 10, 2)):
        positions = rng.normal(size=shape) * 100
        y = rope.apply(x, plan=plan, positions=positions)
        exact = reference.rope.apply(*wide(x), plan=plan, positions=positions)
        assert rope_excess(y, exact, x, plan) <= (2.0 if dtype == np.float64 else 1.4)
    grid = np.stack(np.divmod(np.arange(10), 5), axis=-1)
    y = rope.apply(x, plan=plan, positions=grid)
    back = rope.apply(y, plan=plan, positions=grid, inverse=True)
    np.testing.assert_allclose(back.astype(float), x.astype(float), atol=0.05)
    # tokens in front of the heads
    moved = np.ascontiguousarray(np.swapaxes(x, 1, 2))
    z = rope.apply(moved, plan=plan, positions=grid, seq_axis=1)
    np.testing.assert_array_equal(bits(np.swapaxes(z, 1, 2)), bits(y))


def test_the_mixed_formula(rng):
    angles = rng.uniform(0, 2 * np.pi, size=2)
    x, y = rope.plan_mixed(16, angles).inv_freq
    magnitude = 10.0 ** (-4.0 * np.arange(4) / 16)
    for head, a in enumerate(angles):
        expected = np.concatenate([magnitude * np.cos(a), magnitude * np.cos(a + np.pi / 2)])
        np.testing.assert_allclose(x[head], expected, rtol=1e-13, atol=1e-16)
        expected = np.concatenate([magnitude * np.sin(a), magnitude * np.sin(a + np.pi / 2)])
        np.testing.assert_allclose(y[head], expected, rtol=1e-13, atol=1e-16)


def test_one_head_stands_for_all_and_terms_may_share_an_axis(rng):
    x = rng.normal(size=(4, 6, 8))
    plan = rope.RopePlan(rng.normal(size=(2, 1, 4)), axis=np.zeros((2, 4), int))
    assert plan.n_axes == 1
    summed = rope.RopePlan(plan.inv_freq.sum(axis=(0, 1)))
    np.testing.assert_allclose(
        rope.apply(x, plan=plan, offsets=9), rope.apply(x, plan=summed, offsets=9), atol=1e-13
    )


def test_mixed_plans_want_their_heads(rng):
    plan = rope.plan_mixed(8, [0.1, 0.2, 0.3])
    positions = np.zeros((5, 2))
    with pytest.raises(ValueError, match=r"\bq\b.*3 heads"):
        rope.apply(np.ones((2, 5, 8)), plan=plan, positions=positions)
    with pytest.raises(ValueError, match=r"\bq\b.*3 heads"):
        rope.apply(np.ones((5, 8)), plan=plan, positions=positions)
    q, k = np.ones((3, 5, 8)), np.ones((1, 5, 8))
    with pytest.raises(ValueError, match=r"\bk\b.*3 heads"):
        rope.apply_(q, k, plan=plan, positions=positions)
    np.testing.assert_array_equal(q, 1)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: rope.plan_axes(12, 4), "dim"),
        (lambda: rope.plan_axes(12, 0), "axes"),
        (lambda: rope.plan_axes(12, (4, 6)), "axes"),
        (lambda: rope.plan_axes(12, (5, 7)), "axes"),
        (lambda: rope.plan_axes(12, ()), "axes"),
        (lambda: rope.plan_axes(12, 2, grouping="rows"), "grouping"),
        (lambda: rope.plan_axes(12, 2, scale=np.inf), "scale"),
        (lambda: rope.plan_mrope(16, (3, 3, 3)), "sections"),
        (lambda: rope.plan_mrope(16, 8), "sections"),
        (lambda: rope.plan_mrope(16, (4, 5, -1)), "sections"),
        (lambda: rope.plan_mrope(16, (4, 4), arrangement="interleaved"), "sections"),
        (lambda: rope.plan_mrope(16, (4, 2, 2), arrangement="mixed"), "arrangement"),
        (lambda: rope.plan_mixed(6, [0.0]), "dim"),
        (lambda: rope.plan_mixed(8, []), "angles"),
        (lambda: rope.plan_mixed(8, [np.nan]), "angles"),
        (lambda: rope.RopePlan(np.ones((2, 3, 4)), axis=[0, 1]), "axis"),
        (lambda: rope.RopePlan(np.ones((2, 4))), "inv_freq"),
        (lambda: rope.RopePlan([1.0], log_scale=[1.0, 2.0]), "log_scale"),
        (lambda: rope.RopePlan([1.0], log_scale=[np.inf]), "log_scale"),
        (lambda: rope.RopePlan([1.0], centre=np.inf), "centre"),
    ],
)
def test_bad_plans_are_named(call, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        call()


def test_mixed_plans_are_values():
    plan = rope.plan_mixed(8, [0.1, 0.2])
    assert plan == rope.RopePlan(**{
        key: value for key, value in dataclasses.asdict(plan).items() if key != "n_axes"
    })  # fmt: skip
    assert plan != rope.plan_mixed(8, [0.1, 0.3])

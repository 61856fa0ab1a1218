# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plans of rotary embeddings: what is rotated, by which frequency, along which axis."""

import dataclasses

import numpy as np
import pytest

from isokern import rope


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize(("dim", "rotary_dim"), [(2, None), (64, None), (64, 32), (80, 6)])
def test_plan(dim, rotary_dim, layout):
    plan = rope.plan(dim, base=500.0, layout=layout, rotary_dim=rotary_dim)
    width = rotary_dim or dim
    assert plan.rotary_dim == width
    assert plan.rotary_offset == 0
    assert plan.layout == layout
    assert plan.n_axes == 1
    assert plan.attention_factor == plan.softmax_scale == 1.0
    assert plan.inv_freq.dtype == np.float64
    assert plan.axis.dtype == np.int8
    np.testing.assert_array_equal(plan.axis, np.zeros(width // 2))
    wanted = [500.0 ** (-2 * j / width) for j in range(width // 2)]
    np.testing.assert_allclose(plan.inv_freq, wanted, rtol=4e-16)


def test_default_base():
    np.testing.assert_allclose(rope.plan(4).inv_freq, [1, 0.01], rtol=1e-15)


def test_plan_2d_alternates_the_axes_pair_by_pair():
    plan = rope.plan_2d(8)
    assert plan.layout == "interleaved"
    assert plan.n_axes == 2
    np.testing.assert_array_equal(plan.axis, [0, 1, 0, 1])
    np.testing.assert_allclose(plan.inv_freq, [1, 1, 0.01, 0.01], rtol=1e-15)


def test_plan_2d_in_axial_halves():
    plan = rope.plan_2d(8, base=100.0, grouping="split", layout="half")
    assert plan.layout == "half"
    assert plan.n_axes == 2
    np.testing.assert_array_equal(plan.axis, [0, 0, 1, 1])
    np.testing.assert_allclose(plan.inv_freq, [1, 0.1, 1, 0.1], rtol=1e-15)


def test_plans_are_values():
    plan = rope.plan(32)
    assert plan == rope.plan(32)
    assert hash(plan) == hash(rope.plan(32))
    different = [rope.plan(32, base=9999.0), rope.plan(32, layout="interleaved"), rope.plan(64)]
    different += [rope.plan(64, rotary_dim=32, base=100.0), rope.plan_2d(32)]
    different += [dataclasses.replace(plan, attention_factor=1.5)]
    different += [dataclasses.replace(plan, rotary_offset=2)]
    assert all(plan != other for other in different)
    assert len({plan, rope.plan(32), *different}) == 1 + len(different)
    assert plan != "plan"


def test_plans_do_not_change():
    frequencies = np.array([1.0, 0.5])
    plan = rope.RopePlan(inv_freq=frequencies, axis=[0, 0], layout="half")
    frequencies[0] = 7
    np.testing.assert_array_equal(plan.inv_freq, [1.0, 0.5])
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.layout = "interleaved"
    for array in (plan.inv_freq, plan.axis):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"dim": 7}, "dim"),
        ({"dim": 0}, "dim"),
        ({"dim": -4}, "dim"),
        ({"dim": 8, "rotary_dim": 5}, "rotary_dim"),
        ({"dim": 8, "rotary_dim": 0}, "rotary_dim"),
        ({"dim": 8, "rotary_dim": 10}, "rotary_dim"),
        ({"dim": 8, "layout": "neox"}, "layout"),
        ({"dim": 8, "base": 0.0}, "base"),
        ({"dim": 8, "base": -10.0}, "base"),
        ({"dim": 8, "base": float("nan")}, "base"),
        ({"dim": 8, "base": float("inf")}, "base"),
    ],
)
def test_bad_plans(arguments, name):
    with pytest.raises(ValueError, match=name):
        rope.plan(**arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"dim": 6}, "dim"), ({"dim": 0}, "dim"), ({"dim": 8, "grouping": "rows"}, "grouping")],
)
def test_bad_plans_2d(arguments, name):
    with pytest.raises(ValueError, match=name):
        rope.plan_2d(**arguments)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"inv_freq": [1.0, np.nan]}, "inv_freq"),
        ({"inv_freq": [[1.0, 0.5]]}, "inv_freq"),
        ({"axis": [0]}, "axis"),
        ({"axis": [0, -1]}, "axis"),
        ({"layout": "pairs"}, "layout"),
        ({"rotary_offset": -2}, "rotary_offset"),
        ({"rotary_dim": 6}, "rotary_dim"),
        ({"rotary_offset": 2**63 - 1}, "rotary_offset"),
        ({"rotary_offset": 2**70}, "rotary_offset"),
        ({"rotary_offset": 1.5}, "rotary_offset"),
        ({"inv_freq": [1e60]}, "inv_freq"),
        ({"softmax_scale": np.nan}, "softmax_scale"),
        ({"attention_factor": np.nan}, "attention_factor"),
        ({"attention_factor": np.inf}, "attention_factor"),
    ],
)
def test_bad_fields(change, name):
    with pytest.raises(ValueError, match=name):
        rope.RopePlan(**{"inv_freq": [1.0, 0.5], "axis": [0, 0], "layout": "half", **change})


def test_a_factor_must_be_a_number():
    with pytest.raises(TypeError, match="attention_factor"):
        rope.RopePlan([1.0], attention_factor="a")
    with pytest.raises(TypeError, match="base"):
        rope.plan(4, base="x")


def test_a_plan_becomes_a_dictionary():
    fields = dataclasses.asdict(rope.plan_2d(8))
    assert fields.pop("n_axes") == 2
    assert rope.RopePlan(**fields) == rope.plan_2d(8)

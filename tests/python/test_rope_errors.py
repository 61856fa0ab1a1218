# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rotary positions in place and into `out`, and what is refused with the argument's name."""

import dataclasses

import numpy as np
import pytest
from support import bits

from isokern import _core, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
PLAN = rope.plan(8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("shape", [(5, 16), (3, 5, 16), (2, 3, 5, 16), (1, 2, 1, 3, 5, 16)])
def test_in_place_does_not_depend_on_rank(shape, layout, dtype, rng):
    plan = rope.plan(16, layout=layout, rotary_dim=12)
    x = rng.normal(size=shape).astype(dtype)
    wanted = rope.apply(x, plan=plan, offsets=3)
    work = x.copy()
    assert rope.apply_(work, plan=plan, offsets=3) is work
    np.testing.assert_array_equal(bits(work), bits(wanted))
    rope.apply_(work, plan=plan, offsets=3, inverse=True)
    assert not np.array_equal(bits(work), bits(wanted))
    np.testing.assert_allclose(work.astype(float), x.astype(float), atol=0.05)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_place_on_queries_and_keys_with_strides(dtype, rng):
    """The slices of a fused projection (batch, seq, heads, 3, dim)."""
    fused = rng.normal(size=(2, 6, 4, 3, 8)).astype(dtype)
    before = fused.copy()
    q, k = fused[:, :, :, 0], fused[:, :, :2, 1]
    wanted = rope.apply(q, k, plan=PLAN, seq_axis=1)
    got = rope.apply_(q, k, plan=PLAN, seq_axis=1)
    assert got[0] is q
    assert got[1] is k
    np.testing.assert_array_equal(bits(q), bits(wanted[0]))
    np.testing.assert_array_equal(bits(k), bits(wanted[1]))
    np.testing.assert_array_equal(bits(fused[:, :, :, 2]), bits(before[:, :, :, 2]))
    np.testing.assert_array_equal(bits(fused[:, :, 2:, 1]), bits(before[:, :, 2:, 1]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", [rope.apply, rope.vjp])
def test_out(call, dtype, rng):
    q = rng.normal(size=(2, 5, 8)).astype(dtype)
    k = rng.normal(size=(1, 5, 8)).astype(dtype)
    wanted = call(q, k, plan=PLAN)
    out = np.empty_like(q)
    assert call(q, plan=PLAN, out=out) is out
    np.testing.assert_array_equal(bits(out), bits(wanted[0]))
    pair = (np.empty((2, 5, 16), dtype)[..., :8], np.empty_like(k))
    got = call(q, k, plan=PLAN, out=pair)
    for given, result, exact in zip(pair, got, wanted, strict=True):
        assert result is given
        np.testing.assert_array_equal(bits(result), bits(exact))
    assert call(q, plan=PLAN, out=q) is q  # exactly the input
    np.testing.assert_array_equal(bits(q), bits(wanted[0]))


X = np.ones((3, 5, 8))
BAD_VALUES = [
    ({"plan": rope.plan(10)}, "q"),
    ({"plan": dataclasses.replace(PLAN, rotary_offset=1)}, "q"),
    ({"q": np.ones(8)}, "q"),
    ({"q": np.float64(1.0)}, "q"),
    ({"seq_axis": -1}, "seq_axis"),
    ({"seq_axis": 2}, "seq_axis"),
    ({"seq_axis": 3}, "seq_axis"),
    ({"k": np.ones((3, 4, 8))}, "k"),
    ({"k": np.ones((3, 5, 6))}, "k"),
    ({"k": np.ones((3, 5, 16))}, "k"),
    ({"k": np.ones((2, 5, 8))}, "k"),
    ({"k": np.ones((6, 5, 8))}, "k"),
    ({"k": np.ones((2, 5, 8))}, "k"),
    ({"k": np.ones((6, 5, 8))}, "k"),
    ({"k": np.ones((1, 3, 5, 8))}, "k"),
    ({"k": np.ones(8)}, "k"),
    ({"positions": np.arange(4)}, "positions"),
    ({"positions": np.arange(6)}, "positions"),
    ({"positions": np.ones((2, 5))}, "positions"),
    ({"positions": np.ones((2, 3, 5))}, "positions"),
    ({"positions": np.ones((5, 2))}, "positions"),
    ({"positions": np.float64(3)}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, np.nan])}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, np.inf])}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, -np.inf])}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, 2**53 + 1])}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, -(2**53) - 1])}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, 2**63], np.uint64)}, "positions"),
    ({"positions": np.array([0, 1, 2, 3, 1e16])}, "positions"),
    ({"offsets": 2**53 - 3}, "offsets|positions"),
    ({"offsets": -(2**53) - 1}, "offsets|positions"),
    ({"offsets": np.array([1, 2])}, "offsets"),
    ({"offsets": 1, "positions": np.arange(5)}, "offsets|positions"),
    ({"plan": rope.plan_2d(8)}, "positions"),
    ({"plan": rope.plan_2d(8), "offsets": 3}, "positions|offsets"),
    ({"plan": rope.plan_2d(8), "positions": np.arange(5)}, "positions"),
    ({"plan": rope.plan_2d(8), "positions": np.ones((5, 3))}, "positions"),
]
BAD_TYPES = [
    ({"plan": None}, "plan"),
    ({"plan": "half"}, "plan"),
    ({"q": np.ones((3, 5, 8), complex)}, "q"),
    ({"q": np.ones((3, 5, 8), bool)}, "q"),
    ({"q": np.ones((3, 5, 8), object)}, "q"),
    ({"k": np.ones((3, 5, 8), np.float32)}, "k"),
    ({"k": np.ones((3, 5, 8), complex)}, "k"),
    ({"positions": np.arange(5, dtype=np.float32)}, "positions"),
    ({"positions": np.arange(5).astype(np.float16)}, "positions"),
    ({"positions": np.arange(5).astype(ml_dtypes.bfloat16)}, "positions"),
    ({"positions": np.arange(5).astype(complex)}, "positions"),
    ({"positions": np.ones(5, bool)}, "positions"),
    ({"offsets": 1.5}, "offsets"),
    ({"offsets": np.float32(1)}, "offsets"),
]


def refused(kind, change, name):
    """Check that every entry point refuses, names the argument and writes nothing."""
    arguments = {"q": X.copy(), "plan": PLAN, **change}
    q, k = arguments.pop("q"), arguments.pop("k", None)
    out = np.full(np.shape(q), 7.0), np.full(np.shape(k), 7.0)
    with pytest.raises(kind, match=rf"\b({name})\b"):
        rope.apply(q, k, out=out[0] if k is None else out, **arguments)
    for array in out:
        np.testing.assert_array_equal(array, 7)
    with pytest.raises(kind, match=name):
        rope.vjp(q, k, **arguments)
    before = np.copy(q)
    with pytest.raises(kind, match=rf"\b({name})\b"):
        rope.apply_(q, k, **arguments)
    np.testing.assert_array_equal(q, before)


@pytest.mark.parametrize(("change", "name"), BAD_VALUES)
def test_bad_values(change, name):
    refused(ValueError, change, name)


@pytest.mark.parametrize(("change", "name"), BAD_TYPES)
def test_bad_types(change, name):
    refused(TypeError, change, name)


@pytest.mark.parametrize("positions", [[2**53, -(2**53), 0, 1, 2], [2.0**53, -(2.0**53), 0, 1, 2]])
def test_the_largest_positions_are_allowed(positions):
    rope.apply(X, plan=PLAN, positions=positions)
    rope.apply(X, plan=PLAN, offsets=2**53 - 4)


@pytest.mark.parametrize(
    ("out", "kind"),
    [
        (np.ones((3, 5, 8), np.float32), TypeError),
        (np.ones((3, 5, 7)), ValueError),
        (np.ones((5, 8)), ValueError),
        (np.ones((1, 3, 5, 8)), ValueError),
        (np.ones((3, 5, 16))[..., ::2], ValueError),
        (np.broadcast_to(np.ones((5, 8)), (3, 5, 8)), ValueError),
        (np.lib.stride_tricks.as_strided(np.ones((3, 5, 8)), strides=(0, 64, 8)), ValueError),
        ([[0.0] * 8] * 5, (TypeError, ValueError)),
        ((np.ones((3, 5, 8)), np.ones((3, 5, 8))), (TypeError, ValueError)),
    ],
)
def test_bad_out(out, kind):
    with pytest.raises(kind, match="out"):
        rope.apply(X, plan=PLAN, out=out)
    if isinstance(out, np.ndarray):
        np.testing.assert_array_equal(out, 1)


def test_overlaps_are_refused(rng):
    memory = rng.normal(size=(7, 5, 8))
    before = memory.copy()
    x = memory[:6]
    for out in (memory[1:], memory[6::-1][:6], np.swapaxes(x.reshape(6, 5, 8), 0, 0)[::-1]):
        with pytest.raises(ValueError, match="out"):
            rope.apply(x, plan=PLAN, out=out)
    with pytest.raises(ValueError, match=r"\b(q|k|q_out|k_out|out)\b"):
        rope.apply_(memory[:4], memory[3:], plan=PLAN)
    with pytest.raises(ValueError, match=r"\b(q|k|q_out|k_out|out)\b"):
        rope.apply_(x, x, plan=PLAN)
    with pytest.raises(ValueError, match="out"):
        rope.apply(X, 2 * X, plan=PLAN, out=(memory[:3], memory[2:5]))
    np.testing.assert_array_equal(memory, before)


def test_in_place_needs_writable_memory_in_place():
    x = np.ones((5, 8))
    x.flags.writeable = False
    with pytest.raises(ValueError, match=r"\bq\b"):
        rope.apply_(x, plan=PLAN)
    with pytest.raises(ValueError, match=r"\bk\b"):
        rope.apply_(np.ones((5, 8)), x, plan=PLAN)
    for strange in ([[1.0] * 8] * 5, np.ones((5, 16))[:, ::2], np.ones((5, 8), ">f8")):
        with pytest.raises((TypeError, ValueError), match=r"\bq\b"):
            rope.apply_(strange, plan=PLAN)


def test_an_output_must_not_be_the_positions():
    out = np.zeros((1024, 128))
    positions = out.reshape(-1)[:1024]
    with pytest.raises(ValueError, match=r"overlaps positions"):
        rope.apply(np.ones((1024, 128)), plan=rope.plan(128), positions=positions, out=out)
    np.testing.assert_array_equal(out, 0)


def test_a_factor_whose_inverse_overflows():
    plan = dataclasses.replace(PLAN, attention_factor=1e-310)
    rope.apply(X, plan=plan)
    with pytest.raises(ValueError, match=r"attention_factor"):
        rope.apply(X, plan=plan, inverse=True)


def test_a_start_beyond_the_limit_is_refused_by_the_library_too():
    out = np.zeros_like(X)
    flags = (False, False, False)
    for start in (2**53 + 1, -(2**53) - 1, 2**63 - 1):
        with pytest.raises(ValueError, match=r"2\^53"):
            _core.rope_apply(PLAN._compiled, None, False, start, *flags, -2, X, None, out, None)
    assert rope.apply(X, plan=PLAN, offsets=np.int64(-(2**53))).shape == X.shape

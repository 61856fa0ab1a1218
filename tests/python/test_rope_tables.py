# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Tables of cosines and sines: the library's own, and those of other libraries."""

import dataclasses

import numpy as np
import pytest
from support import FLOATS, bits, rope_excess, ulps, wide

from isokern import reference, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = [*FLOATS, np.float16, ml_dtypes.bfloat16]
PLAN = dataclasses.replace(rope.plan(24), attention_factor=1.25)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(9,), (2, 1, 9), (0,), (3, 0)])
def test_table_is_the_definition(shape, dtype, rng):
    positions = rng.integers(-99, 99, size=shape)
    cos, sin = rope.table(PLAN, positions, dtype=dtype)
    exact = reference.rope.table(PLAN, positions)
    for got, wanted in zip((cos, sin), exact, strict=True):
        assert got.shape == (*shape, 12)
        assert got.dtype == dtype
        # twice rounded in float64: the cosine, and its product with the factor
        assert ulps(got, wanted) <= (0.51 if dtype == np.float32 else 1.6)


def test_a_number_stands_for_all_positions_before_it():
    for count in (0, 1, 300):
        for got, wanted in zip(rope.table(PLAN, count), rope.table(PLAN, np.arange(count)),
                               strict=True):  # fmt: skip
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["half", "interleaved"])
def test_own_tables_give_the_bits_of_apply(layout, dtype, rng):
    plan = dataclasses.replace(PLAN, layout=layout)
    wide_dtype = np.float64 if dtype == np.float64 else np.float32
    q = rng.normal(size=(2, 4, 9, 24)).astype(dtype)
    k = rng.normal(size=(2, 2, 9, 24)).astype(dtype)
    positions = rng.integers(0, 500, size=(2, 1, 9))
    wanted = rope.apply(q, k, plan=plan, positions=positions)
    cos, sin = rope.table(plan, positions, dtype=wide_dtype)
    cache = dict(zip(("cos", "sin"), rope.table(plan, 500, dtype=wide_dtype), strict=True))
    for given in (
        rope.apply_table(q, k, cos=cos, sin=sin, layout=layout),
        rope.apply_table(q, k, **cache, layout=layout, positions=positions),
        rope.apply_table(q, k, cos=cos.copy(), sin=sin, layout=layout),
        rope.apply_table_(q.copy(), k.copy(), cos=cos, sin=sin, layout=layout),
    ):
        for y, exact in zip(given, wanted, strict=True):
            np.testing.assert_array_equal(bits(y), bits(exact))
    back = rope.table_vjp(*wanted, cos=cos, sin=sin, layout=layout)
    pulled = rope.vjp(*wanted, plan=plan, positions=positions)
    undone = rope.apply_table(*wanted, cos=cos, sin=sin, layout=layout, inverse=True)
    for got, exact, y, x in zip(back, pulled, undone, (q, k), strict=True):
        np.testing.assert_array_equal(bits(got), bits(exact))
        limit = {8: 1e-14, 4: 1e-5, 2: 0.06}[q.dtype.itemsize]
        np.testing.assert_allclose(y.astype(float), x.astype(float), atol=limit)


def test_consecutive_rows(rng):
    q = rng.normal(size=(2, 4, 9, 24)).astype(np.float32)
    cos, sin = rope.table(PLAN, 100)
    for offsets in (7, [[7], [91]]):
        np.testing.assert_array_equal(
            rope.apply_table(q, cos=cos, sin=sin, offsets=offsets),
            rope.apply(q, plan=PLAN, offsets=offsets),
        )


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("table_dtype", DTYPES)
def test_foreign_tables_of_either_width(table_dtype, dtype, layout, rng):
    q = rng.normal(size=(3, 9, 20)).astype(dtype)
    angle = rng.normal(size=(9, 6)) * 3
    cos, sin = (part(angle).astype(table_dtype) for part in (np.cos, np.sin))
    plan = rope.plan(20, layout=layout, rotary_dim=12, rotary_offset=4)
    first = 4 + np.arange(6) * (1 if layout == "half" else 2)
    second = first + (6 if layout == "half" else 1)
    x, c, s = wide(q, cos, sin)
    exact = x.copy()
    exact[..., first] = x[..., first] * c - x[..., second] * s
    exact[..., second] = x[..., second] * c + x[..., first] * s
    options = {"layout": layout, "rotary_dim": 12, "rotary_offset": 4}
    y = rope.apply_table(q, cos=cos, sin=sin, **options)
    assert y.dtype == dtype
    assert rope_excess(y, exact, q, plan) <= 2
    if layout == "half":
        twice = (np.concatenate([part, part], axis=-1) for part in (cos, sin))
    else:
        twice = (np.repeat(part, 2, axis=-1) for part in (cos, sin))
    wide_cos, wide_sin = twice
    again = rope.apply_table(q, cos=wide_cos, sin=wide_sin, **options)
    np.testing.assert_array_equal(bits(again), bits(y))
    wide_cos[3, 0] += 1
    with pytest.raises(ValueError, match=r"\bcos\b.*twice"):
        rope.apply_table(q, cos=wide_cos, sin=wide_sin, **options)


def test_onnx_caches_with_position_ids(rng):
    """The operator RotaryEmbedding: caches (max_position, P), ids (batch, seq)."""
    onnx_reference = pytest.importorskip("onnx.reference.ops.op_rotary_embedding")
    x = rng.normal(size=(2, 4, 5, 16)).astype(np.float32)
    cos, sin = rope.table(rope.plan(16), 50)
    ids = rng.integers(0, 50, size=(2, 5))
    wanted = onnx_reference.rotary_embedding(x, cos, sin, ids)
    got = rope.apply_table(x, cos=cos, sin=sin, positions=ids[:, None])
    np.testing.assert_allclose(got, wanted, atol=1e-6)


Q = np.ones((3, 5, 8), np.float32)
COS, SIN = rope.table(rope.plan(8), 10)
ROWS = np.arange(5)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"positions": [0, 1, 2, 3, 10]}, "positions"),
        ({"positions": [0, 1, 2, 3, -1]}, "positions"),
        ({"positions": [0, 1, 2, 3]}, "positions"),
        ({"positions": np.zeros((2, 5), int)}, "positions"),
        ({"positions": ROWS * 1.0}, "positions"),
        ({"positions": ROWS, "offsets": 1}, "positions"),
        ({"positions": None, "offsets": 6}, "positions"),
        ({"positions": None, "offsets": 1.0}, "offsets"),
        ({"positions": None}, "cos"),
        ({"cos": COS[:9]}, "cos"),
        ({"cos": COS[:, :3]}, "cos"),
        ({"sin": SIN[:, :3]}, "sin"),
        ({"cos": COS[None], "sin": SIN[None]}, "cos"),
        ({"cos": COS[0]}, "cos"),
        ({"cos": COS.astype(complex)}, "cos"),
        ({"rotary_dim": 10}, "q"),
        ({"rotary_dim": 7}, "rotary_dim"),
        ({"rotary_offset": 9}, "dim|q"),
        ({"rotary_offset": -1}, "rotary_offset"),
        ({"layout": "neox"}, "layout"),
        ({"seq_axis": 2}, "seq_axis"),
    ],
)
def test_bad_tables_are_named_and_nothing_is_written(change, name):
    q = Q.copy()
    arguments = {"cos": COS, "sin": SIN, "positions": ROWS, **change}
    with pytest.raises((ValueError, TypeError), match=rf"\b({name})\b"):
        rope.apply_table_(q, **arguments)
    np.testing.assert_array_equal(q, 1)


def test_a_table_without_an_inverse_and_outputs_in_the_table():
    cos, sin = COS[:5] * 0, SIN[:5] * 0
    with pytest.raises(ValueError, match=r"\bcos\b"):
        rope.apply_table(Q, cos=cos, sin=sin, inverse=True)
    memory = np.zeros((5, 8), np.float32)
    with pytest.raises(ValueError, match="overlaps cos"):
        rope.apply_table(Q[0], cos=memory[:, :4], sin=SIN[:5], out=memory)


def test_tables_of_other_kinds_are_refused():
    with pytest.raises(ValueError, match="log_scale"):
        rope.table(rope.plan(8, scaling={"rope_type": "xpos"}), 3)
    with pytest.raises(TypeError, match="dtype"):
        rope.table(PLAN, 3, dtype=np.float16)
    with pytest.raises(TypeError, match="positions"):
        rope.table(PLAN, np.arange(3, dtype=np.float32))
    with pytest.raises(ValueError, match="positions"):
        rope.table(rope.plan_2d(8), np.arange(3))
    with pytest.raises(ValueError, match="positions"):
        rope.table(PLAN, -1)
    with pytest.raises(ValueError, match="positions"):
        rope.table(rope.plan_mixed(8, [0.0, 1.0]), np.zeros((3, 4, 2)))

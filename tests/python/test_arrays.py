# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What is taken as an array: layouts of memory, other libraries' objects, and what is refused."""

import array
import ctypes
import sys

import numpy as np
import pytest
from support import FLOATS, LAYOUTS, bits

from isokern import orthogonal, rope

ml_dtypes = pytest.importorskip("ml_dtypes")
ROPE_DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]


class Dlpack:
    """An array of another library: it offers DLPack and nothing else."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layouts_of_vectors(layout, dtype, rng):
    given = {name: rng.normal(size=(6, 5, 12)).astype(dtype) for name in "abx"}
    wanted = orthogonal.rotate_between(**given)
    mirrored = orthogonal.reflect(given["a"], given["x"])
    for name, value in given.items():
        other = LAYOUTS[layout](value)
        np.testing.assert_array_equal(other, value)
        got = orthogonal.rotate_between(**{**given, name: other})
        assert got.dtype == np.dtype(dtype)
        assert got.dtype.isnative
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(other, value)  # inputs are only read
    everything = {name: LAYOUTS[layout](value) for name, value in given.items()}
    np.testing.assert_array_equal(orthogonal.rotate_between(**everything), wanted)
    got = orthogonal.reflect(everything["a"], everything["x"])
    np.testing.assert_array_equal(got, mirrored)
    for bar, exact in zip(
        orthogonal.rotate_between_vjp(everything["x"], **everything),
        orthogonal.rotate_between_vjp(given["x"], **given),
        strict=True,
    ):
        np.testing.assert_array_equal(bar, exact)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ROPE_DTYPES)
def test_layouts_of_queries(layout, dtype, rng):
    if layout == "byte-swapped" and dtype is ml_dtypes.bfloat16:
        pytest.skip("bfloat16 has no byte-swapped form")
    x = rng.normal(size=(3, 4, 7, 10)).astype(dtype)
    positions = rng.integers(0, 1000, size=(3, 1, 7)).astype(np.float64)
    plan = rope.plan(10, rotary_dim=6)
    wanted = rope.apply(x, plan=plan, positions=positions)
    other = LAYOUTS[layout](x)
    got = rope.apply(other, plan=plan, positions=LAYOUTS[layout](positions))
    assert got.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(bits(got), bits(wanted))
    np.testing.assert_array_equal(other, x)


def test_read_only_input(rng):
    given = [rng.normal(size=(5, 8)) for _ in range(3)]
    wanted = orthogonal.rotate_between(*given)
    for value in given:
        value.flags.writeable = False
    np.testing.assert_array_equal(orthogonal.rotate_between(*given), wanted)
    rope.apply(given[0], plan=rope.plan(8))


@pytest.mark.parametrize("dtype", FLOATS)
def test_other_objects(dtype, rng):
    a, b, x = rng.normal(size=(3, 4, 6)).astype(dtype)
    wanted = orthogonal.rotate_between(a, b, x)
    code = "f" if dtype == np.float32 else "d"
    flat = array.array(code, x[0])
    raw = (ctypes.c_float if dtype == np.float32 else ctypes.c_double) * 6
    forms = [flat, memoryview(flat), raw(*x[0]), Dlpack(x[0])]
    if dtype == np.float64:
        forms += [x[0].tolist(), tuple(x[0].tolist())]
    for form in forms:
        got = orthogonal.rotate_between(a, b, form)
        np.testing.assert_array_equal(got, orthogonal.rotate_between(a, b, x[0]))
    for form in (memoryview(x), Dlpack(x), Dlpack(x[:, ::-1][:, ::-1])):
        np.testing.assert_array_equal(orthogonal.rotate_between(a, b, form), wanted)
    np.testing.assert_array_equal(
        rope.apply(memoryview(x), plan=rope.plan(6)), rope.apply(x, plan=rope.plan(6))
    )


def test_dlpack_is_not_copied(rng):
    x = rng.normal(size=(5, 8))
    wanted = rope.apply(x, plan=rope.plan(8))
    rope.apply_(Dlpack(x), plan=rope.plan(8))
    np.testing.assert_array_equal(x, wanted)


BAD_KINDS = {
    "complex": np.ones((4, 6), complex),
    "bool": np.ones((4, 6), bool),
    "object": np.ones((4, 6), object),
    "text": np.full((4, 6), "1"),
    "dates": np.ones((4, 6), "m8[s]"),
    "records": np.ones((4, 6), [("x", "f8")]),
    "None": None,
    "longdouble": np.ones((4, 6), np.longdouble),
    "half": np.ones((4, 6), np.float16),
    "bfloat16": np.ones((4, 6), ml_dtypes.bfloat16),
    "other float": np.ones((4, 6), np.float32),  # beside float64
}


@pytest.mark.parametrize("bad", BAD_KINDS)
def test_bad_kinds(bad, rng):
    good = {name: rng.normal(size=(4, 6)) for name in "abx"}
    out = np.full((4, 6), 7.0)
    for name in "abx":
        given = {**good, name: BAD_KINDS[bad]}
        with pytest.raises(TypeError, match=r"rotate_between: [abx]\b") as caught:
            orthogonal.rotate_between(**given, out=out)
        if bad != "other float":  # there, either of the two may be named
            assert f": {name} " in str(caught.value)
        with pytest.raises(TypeError, match=r"rotate_between_vjp: \w+\b"):
            orthogonal.rotate_between_vjp(np.ones((4, 6)), **given)
    np.testing.assert_array_equal(out, 7)
    if bad not in ("half", "bfloat16", "other float"):
        with pytest.raises(TypeError, match=r"apply: q\b"):
            rope.apply(BAD_KINDS[bad], plan=rope.plan(6))


def test_bad_tau_kind(rng):
    v, x = rng.normal(size=(2, 4, 6))
    for tau in (np.ones(4, np.float32), np.ones(4, complex), np.ones(4, object), "2"):
        with pytest.raises(TypeError, match=r"\btau\b"):
            orthogonal.reflect(v, x, tau=tau)
    with pytest.raises(ValueError, match=r"\btau\b"):
        orthogonal.reflect(v, x, tau=np.ones(3))


def test_ragged_sequences():
    with pytest.raises((TypeError, ValueError), match=r"\bx\b"):
        orthogonal.rotate_between([1.0, 2.0], [2.0, 1.0], [[1.0, 2.0], [1.0]])


def test_rank(rng):
    """Sixteen axes are served, seventeen refused."""
    x = rng.normal(size=(1,) * 13 + (2, 3, 4))
    assert x.ndim == 16
    y = orthogonal.rotate_between(x[(0,) * 15], x[(0,) * 14 + (1,)], x)
    assert y.shape == x.shape
    np.testing.assert_array_equal(rope.apply(x, plan=rope.plan(4)).shape, x.shape)
    for name in "abx":
        given = {**dict.fromkeys("abx", x), name: x[None]}
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            orthogonal.rotate_between(**given)
    with pytest.raises(ValueError, match=r"\bq\b"):
        rope.apply(x[None], plan=rope.plan(4))


def test_unaligned_positions_and_frequencies(rng):
    x = rng.normal(size=(7, 6))
    positions = LAYOUTS["misaligned"](np.arange(7.0) * 1.5)
    assert not positions.flags.aligned
    wanted = rope.apply(x, plan=rope.plan(6), positions=np.arange(7.0) * 1.5)
    np.testing.assert_array_equal(rope.apply(x, plan=rope.plan(6), positions=positions), wanted)
    for kind in (">f8", ">i4", "<i2"):
        whole = np.arange(7).astype(kind)
        got = rope.apply(x, plan=rope.plan(6), positions=whole)
        np.testing.assert_array_equal(got, rope.apply(x, plan=rope.plan(6)))


def test_references_are_not_kept(rng):
    """No call keeps its arguments or its result alive."""
    a, b, x = rng.normal(size=(3, 4, 6))
    out = np.empty_like(x)
    before = [sys.getrefcount(value) for value in (a, b, x, out)]
    for _ in range(50):
        orthogonal.rotate_between(a, b, x, out=out)
        rope.apply(x, plan=rope.plan(6), out=out)
        with pytest.raises(ValueError, match="x"):
            orthogonal.rotate_between(a, b, x[:, :3], out=out)
    after = [sys.getrefcount(value) for value in (a, b, x, out)]
    assert all(now <= then + 2 for now, then in zip(after, before, strict=True))

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Given outputs are checked, may be x itself and overlap nothing else; fresh ones are fresh."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from support import FLOATS, every_second, misaligned

import isokern
from isokern import _core, orthogonal, rope

CASES = {
    "reflect_between": "abx",
    "rotate_between": "abx",
    "reflect": "vx",
    "reflection_matrix": "ab",
    "rotation_matrix": "ab",
}


def call(name, dtype, rng):
    """Return kernel, arguments (5, 4, 6) and result."""
    given = {n: rng.normal(size=(5, 4, 6)).astype(dtype) for n in CASES[name]}
    kernel = getattr(orthogonal, name)
    return kernel, given, kernel(**given)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CASES)
def test_given_outputs(name, dtype, rng):
    kernel, given, wanted = call(name, dtype, rng)
    outs = [
        np.full_like(wanted, np.nan),
        every_second(np.zeros_like(wanted)),
        np.zeros_like(wanted)[::-1],
        np.swapaxes(np.zeros((4, 5, *wanted.shape[2:]), dtype), 0, 1),
    ]
    for out in outs:
        assert kernel(**given, out=out) is out
        np.testing.assert_array_equal(out, wanted)


def test_gaps_between_rows_are_not_written(rng):
    kernel, given, wanted = call("rotate_between", np.float64, rng)
    base = np.full((10, 8, 9), 7.0)
    kernel(**given, out=base[::2, ::2, 2:8])
    np.testing.assert_array_equal(base[::2, ::2, 2:8], wanted)
    base[::2, ::2, 2:8] = 7
    np.testing.assert_array_equal(base, 7)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["reflect_between", "rotate_between", "reflect"])
def test_in_place(name, dtype, rng):
    kernel, given, wanted = call(name, dtype, rng)
    x = given["x"]
    assert kernel(**given, out=x) is x
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("name", CASES)
def test_overlaps_are_refused(name, rng):
    kernel, given, wanted = call(name, np.float64, rng)
    memory = np.zeros(wanted.size + 40)
    whole = memory[: wanted.size].reshape(wanted.shape)
    for argument in CASES[name]:
        part = memory[3 : 3 + 120].reshape(5, 4, 6)  # shifted against out
        part[...] = given[argument]
        with pytest.raises(ValueError, match="out"):
            kernel(**{**given, argument: part}, out=whole)
        np.testing.assert_array_equal(part, given[argument])
        if argument != "x":  # exactly the same memory is no better for a direction
            same = memory[:120].reshape(5, 4, 6)
            same[...] = given[argument]
            with pytest.raises(ValueError, match="out"):
                kernel(**{**given, argument: same}, out=whole)
            np.testing.assert_array_equal(same, given[argument])


def test_the_same_memory_with_other_strides_is_refused(rng):
    kernel, given, _ = call("rotate_between", np.float64, rng)
    x = rng.normal(size=(5, 5, 6))
    before = x.copy()
    given = {"a": given["a"][0, 0], "b": given["b"][0, 0]}
    for out in (np.swapaxes(x, 0, 1), x[::-1]):
        with pytest.raises(ValueError, match="out"):
            kernel(**given, x=x, out=out)
    np.testing.assert_array_equal(x, before)
    with pytest.raises(ValueError, match="out"):  # broadcast x
        kernel(given["a"], given["b"], x[0], out=x)
    np.testing.assert_array_equal(x, before)


def test_interleaved_memory_without_overlap_is_fine(rng):
    kernel, given, wanted = call("rotate_between", np.float64, rng)
    both = np.zeros((5, 4, 12))
    both[..., :6] = given["x"]
    given["x"] = both[..., :6]
    kernel(**given, out=both[..., 6:])
    np.testing.assert_array_equal(both[..., 6:], wanted)


@pytest.mark.parametrize("name", CASES)
def test_bad_outputs(name, rng):
    kernel, given, wanted = call(name, np.float64, rng)
    shape = wanted.shape
    locked = np.ones(shape)
    locked.flags.writeable = False
    bad = [
        (np.ones(shape, np.float32), TypeError),
        (np.ones(shape, ">f8"), TypeError),
        (np.ones(shape, int), TypeError),
        (np.ones((*shape[:-1], shape[-1] + 1)), ValueError),
        (np.ones((1, *shape)), ValueError),
        (np.ones(shape[1:]), ValueError),
        (locked, ValueError),
        (np.ones((*shape[:-1], 12))[..., ::2], ValueError),
        (np.ones(shape)[..., ::-1], ValueError),
        (misaligned(np.ones(shape)), ValueError),
        (as_strided(np.ones(shape), shape, (0, *np.ones(shape).strides[1:])), ValueError),
        (as_strided(np.ones(1000), shape, (8,) * (len(shape) - 1) + (8,)), ValueError),
    ]
    for out, kind in bad:
        with pytest.raises(kind, match="out"):
            kernel(**given, out=out)
        np.testing.assert_array_equal(out, 1)
    for out in ([[0.0]], "out", 3):
        with pytest.raises((TypeError, ValueError), match="out"):
            kernel(**given, out=out)


def test_fresh_outputs_do_not_share_memory(rng):
    """Large outputs may be made of memory that was freed, never of memory in use."""
    a, b = rng.normal(size=(2, 64))
    x = rng.normal(size=(6000, 64))  # 3 MB
    wanted = orthogonal.rotate_between(a, b, x)
    exact = wanted.copy()
    kept = []
    for i in range(8):
        y = orthogonal.rotate_between(a, b, (i + 1) * x)
        z = rope.apply(x, plan=rope.plan(64), offsets=i)
        assert not any(np.shares_memory(other, part) for part, _ in kept for other in (y, z))
        part = y[5:9, 3:]  # a view keeps the memory of the whole
        kept.append((part, part.copy()))
        del y, z
    orthogonal.reflect(a, x)
    for part, expected in kept:
        np.testing.assert_array_equal(part, expected)
    np.testing.assert_array_equal(wanted, exact)
    wanted[...] = 0  # writable, and the caller's alone
    np.testing.assert_array_equal(orthogonal.rotate_between(a, b, x), exact)


def test_memory_of_freed_outputs_is_kept_for_a_while():
    mebi = 1 << 20
    isokern.release_memory()
    assert _core.kept_memory() == 0
    small = np.ones((4, mebi // 4), np.float32)
    large = np.ones((20, mebi // 4), np.float32)
    plan = rope.plan(2)
    rope.apply(small, plan=plan)
    assert _core.kept_memory() == 4 * mebi
    address = rope.apply(small, plan=plan).ctypes.data
    assert rope.apply(small, plan=plan).ctypes.data == address
    for _ in range(17):  # of no use for what was kept
        rope.apply(large, plan=plan)
    assert _core.kept_memory() == 20 * mebi
    isokern.release_memory()
    assert _core.kept_memory() == 0

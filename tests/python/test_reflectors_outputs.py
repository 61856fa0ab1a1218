# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Given outputs of products of reflectors are checked, may be x itself and overlap nothing else."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from support import FLOATS, every_second, misaligned

from isokern import orthogonal

CASES = {
    "left": ("apply_reflectors", {"side": "left"}),
    "right": ("apply_reflectors", {"side": "right"}),
    "transposed": ("apply_reflectors", {"transpose": True}),
    "lapack": ("apply_reflectors", {"storage": "lapack"}),
    "form_q": ("form_q", {}),
    "full": ("form_q", {"thin": False}),
    "compact_wy": ("compact_wy", {}),
}
APPLY = list(CASES)[:4]


def call(case, dtype, rng, tau=False):
    """Return kernel, arguments of batch shape (5,) and result."""
    name, options = CASES[case]
    given = {"v": rng.normal(size=(5, 4, 3)).astype(dtype)}
    if name == "apply_reflectors":
        shape = (5, 6, 4) if case == "right" else (5, 4, 6)
        given["x"] = rng.normal(size=shape).astype(dtype)
    if tau:
        given["tau"] = rng.uniform(size=(5, 3)).astype(dtype)

    def kernel(**arguments):
        return getattr(orthogonal, name)(**arguments, **options)

    return kernel, given, kernel(**given)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES)
def test_given_outputs(case, dtype, rng):
    kernel, given, wanted = call(case, dtype, rng)
    assert wanted.flags.c_contiguous
    m, n = wanted.shape[1:]
    for out in [
        np.full(wanted.shape, np.nan, dtype),
        every_second(np.zeros(wanted.shape, dtype)),
        np.zeros(wanted.shape, dtype)[::-1],
        np.zeros(wanted.shape, dtype)[:, ::-1],
        np.swapaxes(np.zeros((m, 5, n), dtype), 0, 1),
    ]:
        assert kernel(**given, out=out) is out
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", APPLY)
def test_in_place(case, dtype, rng):
    for tau in (False, True):
        kernel, given, wanted = call(case, dtype, rng, tau)
        x = given["x"]
        assert kernel(**given, out=x) is x
        np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_large_matrices_in_place(dtype, side, rng):
    """Blocks of reflectors and of columns follow each other."""
    v = rng.standard_normal((130, 150), dtype=dtype)
    x = rng.standard_normal((2, 130, 170) if side == "left" else (2, 170, 130), dtype=dtype)
    wanted = orthogonal.apply_reflectors(v, x, side=side)
    base = np.full((2, x.shape[1], x.shape[2] + 5), 7, dtype)
    inner = base[..., 2:-3]
    inner[...] = x
    assert orthogonal.apply_reflectors(v, inner, side=side, out=inner) is inner
    np.testing.assert_array_equal(inner, wanted)
    inner[...] = 7
    np.testing.assert_array_equal(base, 7)  # what lies between is not written


@pytest.mark.parametrize("case", CASES)
def test_overlaps_are_refused(case, rng):
    for tau in (False, True):
        kernel, given, wanted = call(case, np.float64, rng, tau)
        memory = np.zeros(wanted.size + 200)
        whole = memory[10 : 10 + wanted.size].reshape(wanted.shape)
        for name, value in given.items():
            for start in [3, 9 + wanted.size] + [10] * (name != "x"):
                part = memory[start : start + value.size].reshape(value.shape)
                part[...] = value
                with pytest.raises(ValueError, match="out"):
                    kernel(**{**given, name: part}, out=whole)
                np.testing.assert_array_equal(part, value)


def test_the_same_memory_with_other_strides_is_refused(rng):
    v, x = rng.normal(size=(4, 3)), rng.normal(size=(4, 4, 4))
    before = x.copy()
    for out in (np.swapaxes(x, 0, 1), x[::-1], x[:, ::-1]):
        with pytest.raises(ValueError, match="out"):
            orthogonal.apply_reflectors(v, x, out=out)
    with pytest.raises(ValueError, match="out"):  # broadcast x
        orthogonal.apply_reflectors(v, x[0], out=x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("case", CASES)
def test_bad_outputs(case, rng):
    kernel, given, wanted = call(case, np.float64, rng)
    shape = wanted.shape
    locked = np.ones(shape)
    locked.flags.writeable = False
    strides = np.ones(shape).strides
    for out, kind in [
        (np.ones(shape, np.float32), TypeError),
        (np.ones(shape, ">f8"), TypeError),
        (np.ones(shape, int), TypeError),
        (np.ones((*shape[:-1], shape[-1] + 1)), ValueError),
        (np.ones((1, *shape)), ValueError),
        (np.ones(shape[1:]), ValueError),
        (locked, ValueError),
        (np.ones((*shape[:-1], 2 * shape[-1]))[..., ::2], ValueError),
        (np.ones(shape)[..., ::-1], ValueError),
        (misaligned(np.ones(shape)), ValueError),
        (as_strided(np.ones(shape), shape, (0, *strides[1:])), ValueError),
        (as_strided(np.ones(shape), shape, (strides[0], 0, 8)), ValueError),
        (as_strided(np.ones(1000), shape, (8, 8, 8)), ValueError),
    ]:
        with pytest.raises(kind, match="out"):
            kernel(**given, out=out)
        np.testing.assert_array_equal(out, 1)
    for out in ([[0.0]], "out", 3):
        with pytest.raises((TypeError, ValueError), match="out"):
            kernel(**given, out=out)

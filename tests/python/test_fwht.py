# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The Walsh-Hadamard transform: the definition, along any axis, in place, bit by bit."""

import os
import subprocess
import sys

import numpy as np
import pytest
from support import FLOATS, LAYOUTS, bits, error, same_bits

from isokern import reference
from isokern.projection import fwht


def staged(x):
    """Transform along the last axis as the kernel does, stage by stage, in x's own dtype."""
    n, width = x.shape[-1], 1
    while width < n:
        pairs = x.reshape(*x.shape[:-1], -1, 2, width)
        upper, lower = pairs[..., 0, :], pairs[..., 1, :]
        x = np.stack([upper + lower, upper - lower], axis=-2).reshape(x.shape)
        width *= 2
    return x


@pytest.mark.parametrize("dtype", FLOATS)
def test_lengths(dtype, rng):
    for m in range(18):
        x = rng.normal(size=(3, 1 << m)).astype(dtype)
        y = fwht(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(bits(y), bits(staged(x)))
        down = fwht(np.ascontiguousarray(x.T), axis=0)
        np.testing.assert_array_equal(bits(down.T), bits(y))
        if m < 13:
            assert error(y, reference.projection.fwht(x.astype(float)), np.sqrt(2.0**m)) <= 4 + m
        again = fwht(fwht(x, normalize=True), normalize=True)
        assert error(again, x.astype(float), np.max(np.abs(x))) <= 4 + m


def test_the_longest():
    x = np.zeros(1 << 24, np.float32)
    x[5] = 1
    y = fwht(x)
    j = np.arange(1 << 24)
    wanted = np.where(((j & 1) ^ (j >> 2 & 1)) == 1, -1, 1)
    np.testing.assert_array_equal(y, wanted)


def test_known_matrices():
    np.testing.assert_array_equal(fwht(np.eye(2)), [[1, 1], [1, -1]])
    h = fwht(np.eye(8))
    np.testing.assert_array_equal(h @ h.T, 8 * np.eye(8))
    np.testing.assert_array_equal(h, np.kron(np.kron(h[:2, :2], h[:2, :2]), h[:2, :2]))
    assert fwht([3]) == 3


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(4, 64, 3, 5), (1, 8, 1, 1), (2, 32, 2, 100), (3, 8192, 2, 3)])
def test_axes(shape, dtype, rng):
    x = rng.normal(size=shape).astype(dtype)
    wanted = np.moveaxis(fwht(np.ascontiguousarray(np.moveaxis(x, 1, -1))), -1, 1)
    np.testing.assert_array_equal(fwht(x, axis=1), wanted)
    np.testing.assert_array_equal(fwht(x, axis=-3), wanted)
    y = x.copy()
    assert fwht(y, axis=1, out=y) is y
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layouts(axis, rng):
    x = rng.normal(size=(16, 8, 32))
    wanted = fwht(x, axis=axis)
    for layout in LAYOUTS.values():
        np.testing.assert_array_equal(fwht(layout(x), axis=axis), wanted)
    frame = np.full((18, 10, 40), 9.0)
    out = frame[1:17, 1:9, 3:35]
    assert fwht(x, axis=axis, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    out[...] = 9
    assert np.all(frame == 9)


@pytest.mark.parametrize("n", [4, 256, 4096, 1 << 16])
@pytest.mark.parametrize("dtype", FLOATS)
def test_in_place_large_and_misaligned(dtype, n, rng):
    rows = max(1, (3 << 20) // n)  # beyond what is written past the caches
    x = rng.normal(size=(rows, n)).astype(dtype)
    wanted = fwht(x)
    raw = np.empty(x.size + 3, dtype)
    out = raw[3:].reshape(x.shape)
    np.testing.assert_array_equal(fwht(x, out=out), wanted)
    assert fwht(x, out=x) is x
    np.testing.assert_array_equal(x, wanted)


def test_threads(rng):
    for shape, axis in (((500, 2048), -1), ((2048, 500), 0), ((3, 1 << 17), -1)):
        x = rng.normal(size=shape).astype(np.float32)
        same_bits(lambda x=x, axis=axis: fwht(x, axis=axis, normalize=True))


def test_empty_and_special(rng):
    assert fwht(np.zeros((0, 8))).shape == (0, 8)
    assert fwht(np.zeros((8, 0)), axis=0).shape == (8, 0)
    x = rng.normal(size=(4, 16))
    wanted = fwht(x)
    x[2, 3] = np.nan
    got = fwht(x)
    assert np.all(np.isnan(got[2]))
    np.testing.assert_array_equal(np.delete(got, 2, 0), np.delete(wanted, 2, 0))


def test_errors():
    for bad in (0, 3, 12):
        with pytest.raises(ValueError, match=f"x has {bad} numbers along axis -1"):
            fwht(np.zeros((2, bad)))
    with pytest.raises(ValueError, match="axis is 2, expected an axis of x"):
        fwht(np.zeros((2, 4)), axis=2)
    with pytest.raises(ValueError, match="axis"):
        fwht(1.0)
    with pytest.raises(TypeError, match="axis is 'a'"):
        fwht(np.zeros((2, 4)), axis="a")
    with pytest.raises(TypeError, match="complex"):
        fwht(np.zeros(4, complex))
    with pytest.raises(ValueError, match="out has shape"):
        fwht(np.zeros(4), out=np.zeros(8))
    with pytest.raises(TypeError, match="out has dtype"):
        fwht(np.zeros(4), out=np.zeros(4, np.float32))
    x = np.zeros(12)
    with pytest.raises(ValueError, match="overlaps"):
        fwht(x[:8], out=x[4:])


CHECKSUMS = """
import hashlib, numpy as np, isokern
from isokern.projection import KINDS, Sketch, fwht
digest = hashlib.sha256()
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    for kind in KINDS[:-1]:
        for s in (3, 20) if kind == "sparse_jl" else (None,):
            sketch = Sketch(kind, 1000, 40, s=s, dtype=dtype, seed=9)
            digest.update(sketch.matrix().tobytes())
            if kind in KINDS[:4] or kind == "srht":
                digest.update(sketch.apply(rng.normal(size=(37, 1000)).astype(dtype)).tobytes())
                digest.update(sketch.adjoint(rng.normal(size=(21, 40)).astype(dtype)).tobytes())
    for n in (2, 16, 1024, 1 << 15):
        digest.update(fwht(rng.normal(size=(5, n)).astype(dtype), normalize=True).tobytes())
print(isokern.active_isa(), digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    """Entries of all kinds but haar; results of the sparse kinds, srht and the transform."""
    found = {}
    for isa in ("base", "v3", "v4"):
        done = subprocess.run(
            [sys.executable, "-c", CHECKSUMS],
            env={**os.environ, "ISOKERN_ISA": isa},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            name, checksum = done.stdout.split()
            found[name] = checksum
    assert found
    assert len(set(found.values())) == 1

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Conversion of the 16-bit types: every pattern, every tie, NaN and subnormals, bit for bit."""

import numpy as np
import pytest
from support import bits

from isokern import _core

ml_dtypes = pytest.importorskip("ml_dtypes")

PATTERNS = np.arange(2**16, dtype=np.uint16)
TYPES = {
    "float16": (np.dtype(np.float16), _core.float_to_f16, _core.f16_to_float),
    "bfloat16": (np.dtype(ml_dtypes.bfloat16), _core.float_to_bf16, _core.bf16_to_float),
}


@pytest.fixture(params=TYPES)
def kind(request):
    """Return dtype, narrowing and widening function of a 16-bit type."""
    return TYPES[request.param]


def narrowed(x, dtype):
    """Convert by NumPy or ml_dtypes, with infinities for what is too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(x, np.float32).astype(dtype).view(np.uint16)


def check(x, kind):
    """Compare a narrowing with the other implementation: bits where numbers, signs where NaN."""
    dtype, narrow, _ = kind
    got, wanted = narrow(x), narrowed(x, dtype)
    assert got.dtype == np.uint16
    nan = np.isnan(x)
    np.testing.assert_array_equal(got[~nan], wanted[~nan])
    assert np.isnan(got[nan].view(dtype).astype(np.float32)).all()
    np.testing.assert_array_equal(got[nan] >> 15, bits(x)[nan] >> 31)


def test_widening_of_all_patterns(kind):
    dtype, _, widen = kind
    got = widen(PATTERNS)
    assert got.dtype == np.float32
    with np.errstate(invalid="ignore"):
        wanted = PATTERNS.view(dtype).astype(np.float32)
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(bits(got)[~nan], bits(wanted)[~nan])
    assert np.isnan(got[nan]).all()
    np.testing.assert_array_equal(bits(got)[nan] >> 31, PATTERNS[nan] >> 15)
    # Subnormals among them are numbers, not zeros.
    assert np.count_nonzero(got == 0) == 2


def test_round_trip_of_all_patterns(kind):
    dtype, narrow, widen = kind
    back = narrow(widen(PATTERNS))
    nan = np.isnan(PATTERNS.view(dtype).astype(np.float32))
    np.testing.assert_array_equal(back[~nan], PATTERNS[~nan])
    quiet = np.uint16(0x0200 if dtype == np.float16 else 0x0040)
    np.testing.assert_array_equal(back[nan] | quiet, PATTERNS[nan] | quiet)
    assert np.all(back[nan] & quiet)


def test_ties_go_to_even_and_their_neighbours_to_the_nearest(kind):
    dtype, narrow, widen = kind
    finite = PATTERNS[:0x7C00] if dtype == np.float16 else PATTERNS[:0x7F80]
    low, high = widen(finite[:-1]), widen(finite[1:])
    middle = ((low.astype(np.float64) + high.astype(np.float64)) / 2).astype(np.float32)
    representable = (middle > low) & (middle < high)
    assert np.count_nonzero(~representable) <= (1 if dtype != np.float16 else 0)
    low, high, middle = finite[:-1][representable], finite[1:][representable], middle[representable]
    even = np.where(low & 1, high, low)
    for sign, flip in ((1, 0), (-1, 0x8000)):
        np.testing.assert_array_equal(narrow(sign * middle), even | flip)
        below, above = np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32("inf"))
        np.testing.assert_array_equal(narrow(sign * below), low | flip)
        np.testing.assert_array_equal(narrow(sign * above), high | flip)


def test_random_patterns(kind, rng):
    check(rng.integers(0, 2**32, size=1_000_000, dtype=np.uint32).view(np.float32), kind)
    # As many where the range of float16 ends: subnormals and overflow.
    exponent = rng.integers(-27, 18, size=200_000)
    check(np.ldexp(rng.uniform(-2, 2, size=200_000), exponent).astype(np.float32), kind)


def test_special_values(kind):
    special = [0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 3.4e38, -3.4e38, 65504, 65519.996, 65520]
    special += [2.0**-24, 2.0**-25, 1.0000001 * 2.0**-25, 2.0**-14, 2.0**-126, 2.0**-133, 2.0**-134]
    check(np.array(special, np.float32), kind)
    check(
        np.array([0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFC00000], np.uint32).view(np.float32), kind
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100])
def test_every_length(kind, n, rng):
    """Vector bodies and tails agree."""
    x = rng.normal(size=n).astype(np.float32)
    check(x, kind)
    _, narrow, widen = kind
    np.testing.assert_array_equal(
        bits(widen(narrow(x))), bits(np.array([widen(narrow(v[None]))[0] for v in x], np.float32))
    )

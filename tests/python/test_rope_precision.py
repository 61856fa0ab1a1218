# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Angles against fifty digits: exact products, at any position up to 2^53."""

import dataclasses

import numpy as np
import pytest
from support import eps, spacing, ulps

from isokern import reference, rope

mpmath = pytest.importorskip("mpmath")
ml_dtypes = pytest.importorskip("ml_dtypes")

POSITIONS = np.array(
    [
        *(0, 1, -1, 2, 63, 64, 100, 2047, 131_071, 1_048_575, 10**6, -(10**6), 10**9 + 7),
        *(2**24 + 1, 2**31 - 1, 2**31, -(2**31), 2**32 + 1, 2**40 + 3, 2**53 - 1, 2**53, -(2**53)),
    ],
    dtype=np.int64,
)
FRACTIONS = np.array([0.5, -0.1, 1e-3, 1 / 3, 1e6 + 0.3, 2.0**45 + 0.125, 355 / 113, 1e-300])


def turned_units(plan, positions, dtype):
    """Return what the pair (1, 0) becomes: cosine and sine, as the kernel rounds them."""
    pairs = plan.rotary_dim // 2
    x = np.zeros((len(positions), 2 * pairs), dtype)
    x[:, :pairs] = 1
    y = rope.apply(x, plan=plan, positions=positions)
    return y[:, :pairs], y[:, pairs:]


def exact_table(plan, positions):
    """Cosine and sine of the exact products, to about 33 digits, as sums of two long doubles."""
    with mpmath.workdps(50):
        angles = [
            [mpmath.mpf(float(p)) * mpmath.mpf(float(f)) for f in plan.inv_freq] for p in positions
        ]
        tables = []
        for function in (mpmath.cos, mpmath.sin):
            values = [[function(angle) for angle in row] for row in angles]
            high = np.array([[float(value) for value in row] for row in values], np.longdouble)
            low = [
                [float(value - float(value)) for value in row] for row in values
            ]  # float(value) rounds, the rest is what it lost
            tables.append(high + np.array(low, np.longdouble))
    return tables


@pytest.mark.parametrize("positions", [POSITIONS, FRACTIONS], ids=["integers", "fractions"])
@pytest.mark.parametrize("base", [10_000.0, 500_000.0, 2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_cosines_and_sines(dtype, base, positions):
    """One rounding for float32; for 16 bits that of float32 and their own.

    For float64 the reduced angle carries an error of its own: half an ulp and a little of the value
    near the origin, up to 3/4 eps of the unit circle at 2^53.
    """
    plan = rope.plan(128, base=base)
    near = np.abs(positions) <= 2**32
    for got, exact in zip(
        turned_units(plan, positions, dtype), exact_table(plan, positions), strict=True
    ):
        if dtype == np.float64:
            assert ulps(got[near], exact[near]) <= 0.75
            assert np.max(np.abs(got - exact)) <= 0.75 * 2.0**-52
        elif dtype == np.float32:
            assert ulps(got, exact) <= 0.501
        else:
            slack = spacing(exact, np.float32) / spacing(exact, dtype)
            difference = np.abs(got.astype(np.longdouble) - exact) / spacing(exact, dtype)
            assert np.all(difference <= 0.5 + 0.51 * slack)


def test_the_definition_itself():
    plan = rope.plan(128)
    for positions in (POSITIONS, FRACTIONS):
        cos, sin = reference.rope.table(plan, positions)
        exact_cos, exact_sin = exact_table(plan, positions)
        assert ulps(cos, exact_cos) <= 0.52
        assert ulps(sin, exact_sin) <= 0.52


def test_float32_data_far_out_have_the_error_of_their_own_rounding(rng):
    """The measure of the whole: a float32 rotation at 10^6 is as good as one at 0."""
    plan = rope.plan(64)
    x = rng.normal(size=(200, 64)).astype(np.float32)
    cos, sin = exact_table(plan, 10**6 + np.arange(200))
    first, second = x[:, :32].astype(np.longdouble), x[:, 32:].astype(np.longdouble)
    exact = np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=1)
    y = rope.apply(x, plan=plan, offsets=10**6)
    length = np.tile(np.hypot(first, second), 2)
    assert np.max(np.abs(y - exact) / length) <= 1.4 * 2.0**-23


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("layout", ["half", "interleaved"])
def test_no_position_up_to_2_to_31_costs_accuracy(layout, dtype, rng):
    """In eps and lengths of the pair, against fifty digits.

    16-bit data: half of one, its own rounding. Otherwise a half each for the product and the sum,
    and what the rounding of cosine and sine adds.
    """
    positions = POSITIONS[np.abs(POSITIONS) <= 2**31]
    plan = rope.plan(128, layout=layout)
    x = rng.normal(size=(50, positions.size, 128)).astype(dtype)
    y = rope.apply(x, plan=plan, positions=positions).astype(np.longdouble)
    cos, sin = exact_table(plan, positions)
    halves = (
        (slice(64), slice(64, None)) if layout == "half" else (slice(0, None, 2), slice(1, None, 2))
    )
    first, second = (x[..., half].astype(np.longdouble) for half in halves)
    exact = first * cos - second * sin, second * cos + first * sin
    unit = np.hypot(first, second) * eps(dtype)
    for half, wanted in zip(halves, exact, strict=True):
        assert np.max(np.abs(y[..., half] - wanted) / unit) <= (0.501 if x.itemsize == 2 else 1.2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("start", [0, 10**6, 2**31 - 70, 2**53 - 300])
def test_consecutive_positions_are_as_accurate_as_single_ones(start, dtype):
    plan = rope.plan(16)
    x = np.zeros((300, 16), dtype)
    x[:, :8] = 1
    y = rope.apply(x, plan=plan, offsets=start)
    cos, sin = exact_table(plan, [start + i for i in range(300)])
    # An absolute measure: near a zero of the cosine a recurrence keeps no relative accuracy.
    half_ulp = np.finfo(dtype).eps / 2
    assert np.max(np.abs(y[:, :8] - cos)) <= (1.01 if dtype == np.float32 else 2) * half_ulp
    assert np.max(np.abs(y[:, 8:] - sin)) <= (1.01 if dtype == np.float32 else 2) * half_ulp


def test_large_and_small_frequencies():
    frequencies = [1e-30, 1e-8, 3.0, 1e5, 2.0**52, 5.0]
    plan = rope.RopePlan(inv_freq=frequencies, axis=[0] * 6, layout="half")
    for dtype, limit in ((np.float32, 0.501), (np.float64, 1.0)):
        positions = np.array([1, 7, 2**20 + 1, 2**53])
        tables = zip(
            turned_units(plan, positions, dtype), exact_table(plan, positions), strict=True
        )
        for got, exact in tables:
            assert ulps(got, exact) <= limit


def test_attention_factor_is_rounded_with_the_table():
    plan = dataclasses.replace(rope.plan(32), attention_factor=1.2302585092994045)
    cos, sin = exact_table(plan, POSITIONS)
    got = turned_units(plan, POSITIONS, np.float32)
    for value, exact in zip(got, (cos, sin), strict=True):
        assert ulps(value, exact * np.longdouble(plan.attention_factor)) <= 0.501

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What several test files share: distances between numbers, inputs, and layouts of memory."""

import itertools
import math

import numpy as np

import isokern

FLOATS = (np.float32, np.float64)
TINY = np.finfo(np.longdouble).tiny
PRODUCT_SHAPES = [  # of products of reflectors: m, k, n
    (1, 1, 1),
    (1, 3, 2),
    (3, 0, 4),
    (4, 4, 0),
    (5, 3, 1),
    (4, 9, 5),
    (16, 16, 8),
    (40, 33, 3),
    (64, 65, 17),
    (110, 70, 9),
]
PRODUCT_BATCHES = [  # batch axes of v, tau (where it is given) and x
    ((), None, ()),
    ((), (), (4,)),
    ((3,), (3,), (3,)),
    ((3, 1), None, (1, 4)),
    ((2, 1), (5,), ()),
    ((1,), (3, 1), (2,)),
]
PRODUCT_SIDES = list(itertools.product(["left", "right"], [False, True]))  # side, transpose


def eps(dtype):
    """Spacing of the numbers next to 1, also for bfloat16."""
    if np.dtype(dtype).name == "bfloat16":
        return 2.0**-7
    return float(np.finfo(dtype).eps)


def spacing(values, dtype):
    """Distance from |value| to the next larger number of `dtype`, for any array of reals."""
    smallest = {"float16": -24, "bfloat16": -133, "float32": -149, "float64": -1074}
    bits = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}
    name = np.dtype(dtype).name
    _, exponent = np.frexp(np.abs(np.asarray(values, dtype=np.longdouble)))
    return np.ldexp(np.longdouble(1), np.maximum(exponent - 1 - bits[name], smallest[name]))


def ulps(actual, exact):
    """Return the largest |actual - exact| in units in the last place of the exact value."""
    actual = np.asarray(actual)
    difference = np.abs(actual.astype(np.longdouble) - np.asarray(exact, dtype=np.longdouble))
    return float(np.max(difference / spacing(exact, actual.dtype), initial=0))


def norm(x):
    """Lengths along the last axis, which is kept, in extended precision and without overflow."""
    x = np.asarray(x).astype(np.longdouble)
    largest = np.maximum(np.max(np.abs(x), axis=-1, keepdims=True, initial=0), TINY)
    return largest * np.sqrt(np.sum((x / largest) ** 2, axis=-1, keepdims=True))


def unit(x):
    """Vectors of length one, in extended precision."""
    return np.asarray(x).astype(np.longdouble) / norm(x)


def column_norm(x):
    """Lengths along the axis before the last, which is kept."""
    return np.swapaxes(norm(np.swapaxes(np.asarray(x), -1, -2)), -1, -2)


def error(actual, exact, scale=1.0):
    """Return the largest |actual - exact| / scale in units of the dtype's eps."""
    actual = np.asarray(actual)
    assert actual.shape == np.shape(exact)
    difference = np.abs(actual.astype(np.longdouble) - np.asarray(exact, dtype=np.longdouble))
    return float(np.max(difference / scale, initial=0)) / eps(actual.dtype)


def wide(*arrays):
    """Give float64 copies, so that a definition in `isokern.reference` rounds to float64 only."""
    return [np.asarray(array).astype(np.float64) for array in arrays]


def bits(array):
    """Return the array's bytes as unsigned integers, which tell NaNs and zeros apart."""
    array = np.ascontiguousarray(array)
    return array.view(f"u{array.dtype.itemsize}")


def pair_at_angle(rng, d, angle, dtype):
    """Return vectors a and b of this dtype with the given angle between them, up to rounding.

    The angles 0 and pi are exact: b is a or -a.
    """
    first = unit(rng.normal(size=d))
    second = rng.normal(size=d).astype(np.longdouble)
    for _ in range(2):
        second = unit(second - first * np.sum(first * second))
    a = first.astype(dtype)
    if angle in (0, math.pi):
        return a, a if angle == 0 else -a
    angle = np.longdouble(angle)
    return a, (np.cos(angle) * first + np.sin(angle) * second).astype(dtype)


def misaligned(array):
    """Return a copy that starts at an odd address."""
    raw = np.zeros(array.nbytes + 1, dtype=np.uint8)
    copy = raw[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def every_second(array):
    """Return a view of a larger array with gaps along all axes but the last."""
    holes = np.full((*(2 * n for n in array.shape[:-1]), array.shape[-1] + 3), np.nan)
    view = holes.astype(array.dtype)[tuple([slice(None, None, 2)] * (array.ndim - 1))]
    view = view[..., : array.shape[-1]]
    view[...] = array
    return view


def reversed_view(array, axis):
    """Return a view with a negative stride along an axis."""
    return np.flip(np.flip(array, axis).copy(), axis)


LAYOUTS = {
    "contiguous": np.array,
    "fortran": np.asfortranarray,
    "gaps": every_second,
    "negative batch stride": lambda x: reversed_view(x, 0),
    "negative last stride": lambda x: reversed_view(x, -1),
    "last axis strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "misaligned": misaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
}


def differences(function, arguments, g, step=1e-6):
    """Yield the gradients of <g, function(*arguments)> by central differences."""
    for position, argument in enumerate(arguments):
        gradient = np.zeros_like(argument)
        for index in np.ndindex(argument.shape):
            shifted = [[np.copy(value) for value in arguments] for _ in range(2)]
            shifted[0][position][index] += step
            shifted[1][position][index] -= step
            values = [np.sum(g * function(*given)) for given in shifted]
            gradient[index] = (values[0] - values[1]) / (2 * step)
        yield gradient


def same_bits(call):
    """Compare a call's results under one, two and three threads."""
    results = []
    for n in (1, 2, 3):
        with isokern.threads(n):
            assert isokern.get_num_threads() == n
            result = call()
        results.append(result if isinstance(result, tuple) else (result,))
    for other in results[1:]:
        for got, wanted in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(bits(got), bits(wanted))


def random_reflectors(rng, dtype, shape, storage="dense", tau_batch=None):
    """Return v and, where its batch axes are given, tau with ``0 <= tau |v|^2 <= 2``, some zero.

    Such products do not grow. What lapack storage implies is NaN here.
    """
    v = rng.normal(size=shape).astype(dtype)
    if storage == "lapack":
        v[..., np.triu(np.ones(shape[-2:], bool))] = np.nan
    if tau_batch is None:
        return v, None
    squares = column_norm(stored(v, storage))[..., 0, :].astype(float) ** 2
    largest = np.max(squares, axis=tuple(range(squares.ndim - 1)), initial=1e-300)
    share = rng.uniform(size=(*tau_batch, shape[-1]))
    return v, np.where(share < 0.1, 0, 2 * share / largest).astype(dtype)


def random_product(rng, dtype, shape, side, storage, batches):
    """Return cotangent, v, x and tau for m, k, n and the batch axes of v, tau and x."""
    (m, k, n), (v_batch, tau_batch, x_batch) = shape, batches
    k = min(m, k) if storage == "lapack" else k
    v, tau = random_reflectors(rng, dtype, (*v_batch, m, k), storage, tau_batch)
    x = rng.normal(size=(*x_batch, *((m, n) if side == "left" else (n, m)))).astype(dtype)
    batch = np.broadcast_shapes(v_batch, tau_batch or (), x_batch)
    g = rng.normal(size=(*batch, *x.shape[-2:])).astype(dtype)
    return g, v, x, tau


def wide_tau(tau):
    """Give tau, where there is one, in float64."""
    return None if tau is None else tau.astype(float)


def terms(m, k):
    """Return what errors of k reflectors in m dimensions grow with.

    A block of reflectors is applied through the products of its vectors with each other, which add
    up where these are far from orthogonal, as more than m of them are.
    """
    return math.sqrt((m + k) * max(1, k / m))


def stored(v, storage):
    """Return the reflectors with all that is implied."""
    return np.tril(v, -1) + np.eye(*v.shape[-2:], dtype=v.dtype) if storage == "lapack" else v


def pair_norm(x, plan):
    """Return, in x's shape, the length of the pair that each coordinate belongs to."""
    x = np.asarray(x).astype(np.longdouble)
    pairs = plan.rotary_dim // 2
    first = plan.rotary_offset + np.arange(pairs) * (1 if plan.layout == "half" else 2)
    second = first + (pairs if plan.layout == "half" else 1)
    length = np.zeros_like(x)
    length[..., first] = length[..., second] = np.hypot(x[..., first], x[..., second])
    return length


def rope_excess(y, exact, x, plan, scale=1.0):
    """Return the error beyond the final rounding, in eps of the arithmetic and pair lengths.

    The kernel works in float32 for the 16-bit types, whose one rounding is half a unit in the last
    place; float32 and float64 are counted whole.
    """
    difference = np.abs(np.asarray(y).astype(np.longdouble) - exact)
    if y.dtype.itemsize == 2:
        difference = np.maximum(0, difference - spacing(exact, y.dtype) / 2)
    unit_error = eps(np.float64 if y.dtype == np.float64 else np.float32)
    length = np.maximum(scale * pair_norm(x, plan), TINY)
    return float(np.max(difference / length, initial=0)) / unit_error

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Bad reflectors, factors, shapes and words: what is refused, by name and index, and when."""

import numpy as np
import pytest
from support import FLOATS, bits

from isokern import orthogonal

BAD = [0.0, np.nan, np.inf, -np.inf]
NAMES = ["apply_reflectors", "compact_wy", "form_q"]
DERIVATIVES = ["apply_reflectors_vjp", "apply_reflectors_jvp", "compact_wy_vjp", "form_q_vjp"]
M, K, N = 5, 3, 4


def arguments(name, rng, dtype=np.float64, tau=False):
    """Return arguments of batch shape (2, 3) that are all right."""
    given = {"v": rng.normal(size=(2, 3, M, K)).astype(dtype)}
    if name.startswith("apply"):
        given["x"] = rng.normal(size=(2, 3, M, N)).astype(dtype)
    if tau:
        given["tau"] = rng.uniform(size=(2, 3, K)).astype(dtype)
    if name.endswith("_vjp"):
        shape = {"apply_reflectors_vjp": (M, N), "compact_wy_vjp": (K, K), "form_q_vjp": (M, K)}
        given["cotangent"] = rng.normal(size=(2, 3, *shape[name])).astype(dtype)
    if name.endswith("_jvp"):
        given["v_dot"] = rng.normal(size=given["v"].shape).astype(dtype)
    return given


def results(value):
    return value if isinstance(value, tuple) else (value,)


def check_nan(kernel, given, good):
    """With errors="nan" item (1, 2) is NaN and the others are as before."""
    for got, before in zip(results(kernel(**given, errors="nan")), good, strict=True):
        if got.shape[2:] == (K, K):
            assert np.isnan(got[1, 2][np.triu_indices(K)]).all()
        else:
            assert np.isnan(got[1, 2]).all()
        got[1, 2] = before[1, 2]
        np.testing.assert_array_equal(bits(got), bits(before))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES + DERIVATIVES)
def test_bad_reflectors(name, dtype, bad, rng):
    kernel = getattr(orthogonal, name)
    given = arguments(name, rng, dtype)
    good = results(kernel(**given))
    if bad == 0:
        given["v"][1, 2, :, 1] = 0
    else:
        given["v"][1, 2, 3, 1] = bad
    message = rf"{name}: v\b.*\(?1, 2\b"
    with pytest.raises(ValueError, match=message):
        kernel(**given)
    if name in NAMES:
        out = np.full_like(good[0], 7)
        with pytest.raises(ValueError, match=message):
            kernel(**given, out=out)
        np.testing.assert_array_equal(out, 7)  # nothing was written
    check_nan(kernel, given, good)
    given["tau"] = np.ones((2, 3, K), dtype)
    if bad == 0:
        kernel(**given)  # no direction is needed
    else:
        with pytest.raises(ValueError, match=message):
            kernel(**given)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES + DERIVATIVES)
def test_bad_factors(name, dtype, bad, rng):
    kernel = getattr(orthogonal, name)
    given = arguments(name, rng, dtype, tau=True)
    good = results(kernel(**given))
    given["tau"][1, 2, 1] = bad
    message = rf"{name}: tau\b.*\(?1, 2\b"
    with pytest.raises(ValueError, match=message):
        kernel(**given)
    if name in NAMES:
        out = np.full_like(good[0], 7)
        with pytest.raises(ValueError, match=message):
            kernel(**given, out=out)
        np.testing.assert_array_equal(out, 7)
    check_nan(kernel, given, good)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES + DERIVATIVES)
def test_lapack_storage_looks_at_what_is_stored(name, dtype, rng):
    kernel = getattr(orthogonal, name)
    given = arguments(name, rng, dtype)
    good = results(kernel(**given, storage="lapack"))
    for i in range(K):
        given["v"][..., : i + 1, i] = [np.nan, np.inf, 0][i]
    for got, before in zip(results(kernel(**given, storage="lapack")), good, strict=True):
        np.testing.assert_array_equal(bits(got), bits(before))
    given["v"][0, 1, :, 2] = 0  # still e_2
    kernel(**given, storage="lapack")
    given["v"][1, 2, K, K - 1] = np.inf
    with pytest.raises(ValueError, match=rf"{name}: v\b.*\(?1, 2\b"):
        kernel(**given, storage="lapack")


@pytest.mark.parametrize("case", ["left", "right", "transposed", "lapack", "tau"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_failing_call_in_place_writes_nothing(dtype, case, rng):
    """Also where the bad item is the last of many, and the bad reflector the first to the last."""
    given = {"v": rng.normal(size=(64, 40, 33)).astype(dtype)}
    x = rng.normal(size=(64, 7, 40) if case == "right" else (64, 40, 7)).astype(dtype)
    options = {"left": {}, "right": {"side": "right"}, "transposed": {"transpose": True}}
    options |= {"lapack": {"storage": "lapack"}, "tau": {"tau": np.ones((64, 33), dtype)}}
    before = x.copy()
    for item, column in ((63, 0), (63, 32), (0, 16)):
        v = given["v"].copy()
        v[item, 39, column] = np.nan
        with pytest.raises(ValueError, match=rf"apply_reflectors: v\b.*\b{item}\b"):
            orthogonal.apply_reflectors(v, x, out=x, **options[case])
        np.testing.assert_array_equal(x, before)
    wide = np.broadcast_to(given["v"][0], (64, 40, 33)).copy()
    wide[[50, 63, 11], 0, 0] = np.nan
    if case != "lapack":
        with pytest.raises(ValueError, match=r"apply_reflectors: v\b.*\b11\b"):  # the first
            orthogonal.apply_reflectors(wide, x, out=x, **options[case])
        np.testing.assert_array_equal(x, before)


def test_the_index_is_that_of_the_reflectors(rng):
    v, x = rng.normal(size=(3, 1, 5, 2)), rng.normal(size=(4, 5, 2))
    v[2, 0, 1, 1] = np.nan
    with pytest.raises(ValueError, match=r"apply_reflectors: v\b.*\(?2, 0\b"):
        orthogonal.apply_reflectors(v, x)
    got = orthogonal.apply_reflectors(v, x, errors="nan")
    assert np.isnan(got[2]).all()
    np.testing.assert_array_equal(got[:2], orthogonal.apply_reflectors(v[:2], x))


def fails(name, message, rng, **changes):
    given = {**arguments(name, rng), **changes}
    with pytest.raises(ValueError, match=rf"{name}: .*{message}"):
        getattr(orthogonal, name)(**{n: a for n, a in given.items() if a is not None})


@pytest.mark.parametrize("name", NAMES + DERIVATIVES)
def test_shapes_that_do_not_fit(name, rng):
    fails(name, r"\bv\b", rng, v=np.ones(M), v_dot=None)
    fails(name, r"\bv\b", rng, v=np.float64(1), v_dot=None)
    for shape in [(2, 3, K + 1), (2, 3, 1), (2, 3, 0), ()]:
        fails(name, r"\btau\b", rng, tau=np.ones(shape))
    fails(name, r"\btau\b", rng, tau=np.ones((5, K)))  # batch axes
    square = np.tile(np.eye(M)[:, :M], (1, 2))  # more reflectors than rows
    given = {"v": square, "v_dot": None, "storage": "lapack", "cotangent": None}
    if name.endswith("_vjp"):
        given["cotangent"] = np.ones((2, 3, M, N))
    fails(name, r"\bv\b", rng, **given)
    if name.startswith("apply"):
        fails(name, r"\bx\b", rng, x=np.ones(M))
        for shape in [(M + 1, N), (2, 3, N, M), (1, N)]:
            fails(name, r"\b[xv]\b", rng, x=np.ones(shape))
        fails(name, r"\b[xv]\b", rng, side="right")
        fails(name, r"\b[xv]\b", rng, x=np.ones((2, 2, M, N)))
    if name.endswith("_vjp"):
        good = arguments(name, rng)["cotangent"].shape
        for shape in [good[1:], (1, *good), (*good[:-1], good[-1] + 1), (3, *good[1:])]:
            fails(name, r"\bcotangent\b", rng, cotangent=np.ones(shape))
    if name.endswith("_jvp"):
        for wrong in ("v_dot", "x_dot"):
            fails(name, rf"\b{wrong}\b", rng, **{wrong: np.ones((2, 3, M, N + 2))})
        fails(name, r"\btau", rng, tau_dot=np.ones((2, 3, K)))  # of a tau that is not given
        tau = np.ones((2, 3, K))
        fails(name, r"\btau_dot\b", rng, tau=tau, tau_dot=np.ones((2, 3, K + 1)))


@pytest.mark.parametrize("name", NAMES + DERIVATIVES)
def test_words(name, rng):
    """The message lists what is allowed."""
    fails(name, r"storage.*'packed'.*dense.*lapack", rng, storage="packed")
    fails(name, r"errors.*'ignore'.*raise.*nan", rng, errors="ignore")
    if name.startswith("apply"):
        fails(name, r"side.*'L'.*left.*right", rng, side="L")


@pytest.mark.parametrize("name", NAMES + DERIVATIVES)
def test_dtypes(name, rng):
    kernel, given = getattr(orthogonal, name), arguments(name, rng, tau=True)
    for argument, value in given.items():
        for kind in (np.float32, np.float16, complex, bool, object):
            with pytest.raises(TypeError, match=rf"{name}: .*\bdtype\b"):
                kernel(**{**given, argument: np.ones(value.shape).astype(kind)})
    whole = {n: np.ones(a.shape, int) for n, a in given.items()}
    for got in results(kernel(**whole)):
        assert got.dtype == np.float64


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_empty_batches(name, dtype):
    x = {"x": np.zeros((3, 0, M, N), dtype)} if name == "apply_reflectors" else {}
    y = getattr(orthogonal, name)(np.zeros((3, 0, M, K), dtype), **x)
    assert y.dtype == dtype
    assert y.shape == (3, 0, *{"apply_reflectors": (M, N), "compact_wy": (K, K)}.get(name, (M, K)))

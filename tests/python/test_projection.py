# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps: the definition's entries, products within rounding, and the same bits in pieces."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from support import FLOATS, LAYOUTS, bits, error, same_bits, wide

import isokern
from isokern import reference
from isokern.projection import KINDS, Sketch

BUDGET = 4
SPARSE = KINDS[:4]
SIZES = [(1, 1), (2, 2), (5, 3), (40, 12), (129, 64), (300, 17)]
SUMS = [kind for kind in KINDS if kind != "srht"]  # whose sums go by columns


def options(kind, k, **more):
    """Return the options of a kind, s not the default where there is one."""
    return {**({"s": min(3, k)} if kind == "sparse_jl" else {}), "seed": 7, **more}


def both(kind, d, k, **more):
    chosen = options(kind, k, **more)
    return Sketch(kind, d, k, **chosen), reference.projection.Sketch(kind, d, k, **chosen)


def rounding(x, matrix):
    """Return what errors of x matrix^T grow with, at most: sums of magnitudes, root of terms."""
    x, matrix = wide(np.abs(x), np.abs(matrix))
    return np.sqrt((x**2) @ (matrix.T**2) * np.log2(2 * x.shape[-1])) + 1e-30


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_entries_are_the_definitions(dtype, kind):
    for d, k in SIZES:
        sketch, definition = both(kind, d, k, dtype=dtype)
        matrix, wanted = sketch.matrix(), definition.matrix()
        assert matrix.dtype == dtype
        assert matrix.shape == (k, d)
        assert (sketch.s, sketch.density) == (
            definition.s if kind in ("sparse_jl", "count_sketch") else None,
            definition.density if kind in ("achlioptas", "very_sparse") else None,
        )
        if kind in ("gaussian", "haar"):  # normal numbers of the definition are rounded once
            assert error(matrix, wanted, np.max(np.abs(wanted))) <= BUDGET
        else:
            np.testing.assert_array_equal(matrix, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_the_matrix(kind):
    sketch = Sketch(kind, 1100, 60, **options(kind, 60))
    whole = sketch.matrix()
    for rows, cols in [
        (None, slice(3, 1050)),
        (slice(None, None, -7), slice(1024, None)),
        ([5, 5, -1, 0], [1099, 0, 1, 2, 600]),
        (59, -1),
        ([], slice(0)),
        (np.arange(10, 20), None),
    ]:
        i = np.atleast_1d(np.arange(60)[slice(None) if rows is None else rows]).astype(int)
        j = np.atleast_1d(np.arange(1100)[slice(None) if cols is None else cols]).astype(int)
        np.testing.assert_array_equal(sketch.matrix(rows, cols), whole[np.ix_(i, j)])


@pytest.mark.parametrize("kind", KINDS)
def test_growing_k_keeps_the_rows(kind):
    small, large = (
        Sketch(kind, 200, k, seed=3, **({"s": k // 8} if kind == "sparse_jl" else {}))
        for k in (40, 120)
    )
    first, rows = small.matrix() / small.scale, large.matrix(slice(40)) / large.scale
    if kind == "count_sketch":  # one nonzero a feature, in more rows
        assert np.count_nonzero(rows) < np.count_nonzero(first) == 200
    else:
        np.testing.assert_allclose(rows, first, rtol=1e-14)


def test_growing_d_keeps_the_columns():
    for kind in ("sparse_jl", "count_sketch", "achlioptas", "rademacher", "gaussian"):
        small, large = (Sketch(kind, d, 30, seed=3).matrix() for d in (100, 150))
        np.testing.assert_array_equal(large[:, :100], small)


@pytest.mark.parametrize("s", [1, 2, 5, 7, 20])
def test_exactly_s_nonzeros_a_feature(s):
    sketch = Sketch("sparse_jl", 500, 20, s=s, seed=11)
    matrix = sketch.matrix()
    assert np.all(np.count_nonzero(matrix, axis=0) == s)
    np.testing.assert_array_equal(np.abs(matrix[matrix != 0]), 1 / np.sqrt(s))
    bounds = [b * 20 // s for b in range(s + 1)]
    groups = np.add.reduceat(matrix != 0, bounds[:-1], axis=0)
    assert np.all(groups == 1)
    if s == 1:
        np.testing.assert_array_equal(matrix, Sketch("count_sketch", 500, 20, seed=11).matrix())


def test_orthogonal_kinds():
    for d, k in ((64, 20), (64, 64), (100, 100)):
        rows = Sketch("haar", d, k, seed=1).matrix()
        np.testing.assert_allclose(rows @ rows.T, d / k * np.eye(k), atol=1e-12)
        rows = Sketch("srht", d, k, seed=1).matrix()
        if d == 64:
            np.testing.assert_allclose(rows @ rows.T, d / k * np.eye(k), atol=1e-12)
    haar = isokern.orthogonal.haar(30, k=10, seed=5)
    np.testing.assert_allclose(Sketch("haar", 30, 10, seed=5).matrix(), np.sqrt(3) * haar.T)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_products(dtype, kind, rng):
    for d, k in [*SIZES, (1100, 50)]:
        sketch = Sketch(kind, d, k, **options(kind, k, dtype=dtype))
        matrix = sketch.matrix()
        for shape in ((), (1,), (17,), (3, 0), (2, 1, 33)):
            x = rng.normal(size=(*shape, d)).astype(dtype)
            y = sketch.apply(x)
            assert y.dtype == dtype
            exact = np.asarray(x, np.longdouble) @ matrix.T.astype(np.longdouble)
            assert error(y, exact, rounding(x, matrix) + np.max(np.abs(exact), initial=0)) <= BUDGET
            z = rng.normal(size=(*shape, k)).astype(dtype)
            exact = np.asarray(z, np.longdouble) @ matrix.astype(np.longdouble)
            back = sketch.adjoint(z)
            scale = rounding(z, matrix.T) + np.max(np.abs(exact), initial=0)
            assert error(back, exact, scale) <= BUDGET


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("dtype", FLOATS)
def test_sums_of_sparse_kinds_bit_by_bit(dtype, kind, rng):
    """Terms c x_j are added one after another, whichever kernel does it."""
    for k, more in [(12, {}), (40, {"s": 20} if kind == "sparse_jl" else {})]:
        sketch = Sketch(kind, 300, k, dtype=dtype, **more)
        signs = np.sign(sketch.matrix())
        x = rng.normal(size=(21, 300)).astype(dtype)
        scaled = x * dtype(sketch.scale)
        y = np.zeros((21, k), dtype)
        for j in range(300):
            touched = signs[:, j] != 0
            y[:, touched] += scaled[:, j, None] * signs[touched, j].astype(dtype)
        np.testing.assert_array_equal(bits(sketch.apply(x)), bits(y))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_rows_and_columns_in_pieces(dtype, kind, rng):
    d, k = (1500, 40) if kind != "haar" else (600, 40)
    sketch = Sketch(kind, d, k, dtype=dtype)
    x = rng.normal(size=(70, d)).astype(dtype)
    y = sketch.apply(x)
    for rows in (slice(0, 1), slice(5, 40), slice(69, None)):
        np.testing.assert_array_equal(bits(sketch.apply(x[rows])), bits(y[rows]))
    if kind in SUMS:
        cuts = [0, 128, 512, 1280, d] if kind not in SPARSE else [0, 1, 77, 78, 1100, d]
        cuts = [c for c in cuts if c <= d]
        out = np.zeros_like(y)
        for a, b in itertools.pairwise(cuts):
            assert sketch.accumulate(x[:, a:b], a, out) is out
        np.testing.assert_array_equal(bits(out), bits(y))
    out = np.zeros_like(y)
    for a, b in ((900, d), (0, 33), (33, 900)) if d > 900 else ((0, 33), (33, d)):
        sketch.accumulate(x[:, a:b], a, out)
    sketch.accumulate(x[:, :0], 3, out)
    assert error(out, y.astype(float), np.sqrt(d) * np.max(np.abs(sketch.matrix()))) <= 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_on_any_number_of_threads(kind, rng):
    d, k = (3000, 96) if kind != "haar" else (300, 96)
    for s in (8, 24) if kind == "sparse_jl" else (None,):
        sketch = Sketch(kind, d, k, s=s, dtype=np.float32)
        x = rng.normal(size=(700, d)).astype(np.float32)
        y = rng.normal(size=(300, k)).astype(np.float32)
        same_bits(lambda sketch=sketch, x=x: sketch.apply(x))
        same_bits(lambda sketch=sketch, x=x: sketch.apply(x[:3]))
        same_bits(lambda sketch=sketch, y=y: sketch.adjoint(y))
        same_bits(sketch.matrix)


@pytest.mark.parametrize("kind", KINDS)
def test_layouts_and_outputs(kind, rng):
    sketch = Sketch(kind, 50, 20, dtype=np.float32)
    x = rng.normal(size=(3, 18, 50)).astype(np.float32)
    y = sketch.apply(x)
    for layout in LAYOUTS.values():
        np.testing.assert_array_equal(sketch.apply(layout(x)), y)
    x.setflags(write=False)
    frame = np.full((3, 20, 25), 9, np.float32)
    out = frame[:, 1:19, 2:22]
    assert sketch.apply(x, out=out) is out
    np.testing.assert_array_equal(out, y)
    frame[:, 1:19, 2:22] = 9
    assert np.all(frame == 9)
    back = np.empty((3, 18, 50), np.float32)
    assert sketch.adjoint(y, out=back) is back
    np.testing.assert_array_equal(back, sketch.adjoint(y))
    integers = Sketch(kind, 4, 2).apply([[1, 2, 3, 4]])
    np.testing.assert_array_equal(integers, Sketch(kind, 4, 2).apply([[1.0, 2, 3, 4]]))


@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_in_its_row(kind, rng):
    sketch = Sketch(kind, 300, 16)
    x = rng.normal(size=(40, 300))
    y = sketch.apply(x)
    for value in (np.nan, np.inf):
        bad = x.copy()
        bad[7, 123] = value
        got = sketch.apply(bad)
        np.testing.assert_array_equal(np.delete(got, 7, 0), np.delete(y, 7, 0))
        touched = sketch.matrix(cols=123)[:, 0] != 0
        assert not np.any(np.isfinite(got[7, touched]))
        if kind in SPARSE:
            np.testing.assert_array_equal(got[7, ~touched], y[7, ~touched])


@pytest.mark.parametrize("kind", SPARSE)
def test_compressed_rows(kind):
    pytest.importorskip("scipy")
    for dtype in FLOATS:
        sketch = Sketch(kind, 120, 30, dtype=dtype)
        rows = sketch.to_csr()
        assert rows.dtype == dtype
        assert rows.has_sorted_indices
        np.testing.assert_array_equal(rows.toarray(), sketch.matrix())


def test_large_maps_take_no_memory(rng):
    """A map of 10^15 entries on rows that touch few of its columns, and blocks of it."""
    sparse = pytest.importorskip("scipy.sparse")
    d, k = 10**9, 10**6
    columns = np.sort(rng.choice(d, 50, replace=False))
    values = rng.normal(size=50)
    x = sparse.csr_array((values, columns, np.array([0, 20, 50])), shape=(2, d))
    sketch = Sketch("sparse_jl", d, k, s=4)
    y = sketch.apply(x)
    rows = np.unique(np.nonzero(y)[1])
    dense = np.zeros((2, 50))
    dense[0, :20], dense[1, 20:] = values[:20], values[20:]
    wanted = dense @ sketch.matrix(rows, columns).T
    np.testing.assert_allclose(y[:, rows], wanted, atol=1e-15)
    assert len(pickle.dumps(sketch)) < 200


@pytest.mark.filterwarnings("ignore:Sketch. k is")
def test_a_sketch_is_a_value():
    sketch = Sketch("sparse_jl", 50, 20, s=5, seed=2**64 - 1, dtype=np.float32)
    names = {"Sketch": Sketch, "float32": np.float32}
    read = eval(repr(sketch), names)
    for other in (copy.deepcopy(sketch), pickle.loads(pickle.dumps(sketch)), read):
        assert other == sketch
        assert hash(other) == hash(sketch)
        np.testing.assert_array_equal(other.matrix(), sketch.matrix())
    assert sketch != Sketch("sparse_jl", 50, 20, s=5, seed=1, dtype=np.float32)
    assert sketch != "sketch"
    assert Sketch("very_sparse", 9, 5).density == pytest.approx(1 / 3)
    assert Sketch("sparse_jl", 9, 5).s == 5
    assert Sketch("sparse_jl", 9, 50).s == 8
    assert Sketch("gaussian", 9, 4).scale == 0.5


@pytest.mark.filterwarnings("ignore:Sketch. k is")
def test_lists_of_very_many_rows_are_cut():
    """Lists are indexed by 32 bits: with many entries a feature, few features make a block."""
    d, k = 24, 1 << 20
    sketch = Sketch("very_sparse", d, k, density=1, dtype=np.float32, seed=3)
    x = np.zeros((2, d), np.float32)
    x[0], x[1, 17] = np.arange(d), 1
    y = sketch.apply(x)
    entries = sketch.matrix(slice(None, None, 1999))
    np.testing.assert_array_equal(y[1, ::1999], entries[:, 17])
    np.testing.assert_allclose(y[0, ::1999], entries @ x[0], rtol=1e-5, atol=1e-5)
    back = sketch.adjoint(y)
    assert back.shape == (2, d)
    np.testing.assert_allclose(back[1, 17], 1, rtol=1e-3)


def test_subsampled_transforms_of_every_length(rng):
    """Short rows, padded rows and parts of rows, by a kernel of their own or the general one."""
    for d, k in ((5, 3), (100, 60), (256, 40), (300, 300), (1000, 17), (4096, 512), (5000, 9)):
        for dtype in (np.float32, np.float64):
            sketch = Sketch("srht", d, k, dtype=dtype, seed=8)
            x = rng.standard_normal((3, d)).astype(dtype)
            exact = x.astype(np.float64) @ sketch.matrix().astype(np.float64).T
            tolerance = 50 * np.finfo(dtype).eps * np.sqrt(d)
            np.testing.assert_allclose(sketch.apply(x), exact, atol=tolerance)
            out = np.zeros((3, k), dtype)
            for begin, end in ((0, d // 3), (d // 3, d)):
                sketch.accumulate(x[:, begin:end], begin, out)
            np.testing.assert_allclose(out, exact, atol=tolerance)

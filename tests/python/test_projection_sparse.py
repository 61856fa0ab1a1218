# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random maps of sparse matrices: in every format the same as of dense rows."""

import numpy as np
import pytest
from support import FLOATS, bits, error, same_bits

from isokern.projection import KINDS, Sketch

sparse = pytest.importorskip("scipy.sparse")
SPARSE = KINDS[:4]


def matrix(rng, shape, dtype, density=0.1):
    dense = np.where(rng.uniform(size=shape) < density, rng.normal(size=shape), 0)
    return sparse.csr_array(dense.astype(dtype))


def variants(x):
    """Yield the same matrix as it may come: by column, wide indices, old class, unsorted, split."""
    yield x
    yield x.tocsc()
    for by in (x, x.tocsc()):
        wide = by.copy()
        wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
        yield wide
    yield sparse.csr_matrix(x)


def scrambled(x, rng):
    """Return x with the entries of each row in another order, and some of them in two parts."""
    values, indices, starts = [], [], [0]
    for row in range(x.shape[0]):
        part = slice(x.indptr[row], x.indptr[row + 1])
        order = rng.permutation(part.stop - part.start)
        v, i = x.data[part][order], x.indices[part][order]
        values += [v * 0.25, v[::-1] * 0.75]
        indices += [i, i[::-1]]
        starts.append(starts[-1] + 2 * len(v))
    data = np.concatenate(values).astype(x.dtype), np.concatenate(indices), np.array(starts)
    result = sparse.csr_array(x.shape, dtype=x.dtype)
    result.data, result.indices, result.indptr = data[0], data[1], data[2].astype(np.int32)
    return result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_agreement_with_dense_rows(dtype, kind, rng):
    for n, d, k in ((1, 1, 1), (60, 300, 20), (3, 5, 2), (0, 7, 3), (40, 700, 33)):
        sketch = Sketch(kind, d, k, dtype=dtype, seed=4)
        x = matrix(rng, (n, d), dtype)
        y = sketch.apply(x.toarray())
        scale = 1 + np.max(np.abs(y), initial=0) * np.sqrt(d)
        for form in variants(x):
            got = sketch.apply(form)
            assert type(got) is np.ndarray
            assert got.dtype == dtype
            if kind in SPARSE:
                np.testing.assert_array_equal(got, y)
            assert error(got, y.astype(float), scale) <= 4
        loose = sketch.apply(scrambled(x, rng)) if x.nnz else y
        assert error(loose, y.astype(float), scale) <= 4


@pytest.mark.parametrize("kind", KINDS)
def test_out_and_column_blocks(kind, rng):
    sketch = Sketch(kind, 400, 24)
    x = matrix(rng, (30, 400), np.float64)
    y = sketch.apply(x)
    frame = np.full((30, 30), 9.0)
    assert sketch.apply(x, out=frame[:, 3:27]) is not None
    np.testing.assert_array_equal(frame[:, 3:27], y)
    assert np.all(frame[:, :3] == 9)
    assert np.all(frame[:, 27:] == 9)
    for form in (x, x.tocsc()):
        out = np.zeros_like(y)
        for a, b in ((0, 100), (100, 101), (101, 400)):
            sketch.accumulate(form[:, a:b], a, out)
        if kind == "srht":
            np.testing.assert_allclose(out, y, atol=1e-13)
        else:  # nonzero by nonzero, in the order of the features
            np.testing.assert_array_equal(bits(out), bits(y))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_on_any_number_of_threads(kind, rng):
    sketch = Sketch(kind, 500, 200, dtype=np.float32)
    x = matrix(rng, (3000, 500), np.float32, 0.05)
    same_bits(lambda: sketch.apply(x))


def test_empty_rows_and_explicit_zeros():
    x = sparse.csr_array(([0.0, 2.0], [1, 3], [0, 0, 2, 2]), shape=(3, 4))
    y = Sketch("sparse_jl", 4, 4, s=2).apply(x)
    assert np.all(y[[0, 2]] == 0)
    assert np.count_nonzero(y[1]) == 2
    assert Sketch("gaussian", 4, 4).apply(sparse.csr_array((3, 4))).shape == (3, 4)


def test_integers_become_float64():
    x = sparse.csr_array(np.array([[1, 0, 2]]))
    np.testing.assert_array_equal(
        Sketch("sparse_jl", 3, 2, s=1).apply(x), Sketch("sparse_jl", 3, 2, s=1).apply([[1.0, 0, 2]])
    )


def broken(**parts):
    x = sparse.csr_array(np.eye(3))
    for name, value in parts.items():
        setattr(x, name, np.array(value, getattr(x, name).dtype))
    return x


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"indices": [0, 1, 3]}, "indices has 3, expected 0 to 2"),
        ({"indices": [0, -1, 2]}, "indices has -1, expected 0 to 2"),
        ({"indptr": [0, 2, 1, 3]}, "indptr is not ascending"),
        ({"indptr": [1, 1, 2, 3]}, "indptr is not ascending"),
        ({"indptr": [0, 1, 3]}, "indptr"),
        ({"indptr": [0, 1, 2, 9]}, "indptr"),
        ({"data": [1.0, 2.0]}, "data"),
    ],
)
def test_broken_matrices(parts, words):
    sketch = Sketch("sparse_jl", 3, 2, s=1)
    out = np.full((3, 2), 9.0)
    with pytest.raises(ValueError, match=words):
        sketch.apply(broken(**parts), out=out)
    assert np.all(out == 9)


def test_errors():
    sketch = Sketch("gaussian", 3, 2)
    x = sparse.csr_array(np.eye(3))
    with pytest.raises(ValueError, match=r"x has shape \(3, 4\), expected \(n, 3\)"):
        sketch.apply(sparse.csr_array((3, 4)))
    with pytest.raises(TypeError, match="x has dtype float32, expected float64"):
        sketch.apply(x.astype(np.float32))
    with pytest.raises(TypeError, match=r"'coo', expected csr or csc"):
        sketch.apply(x.tocoo())
    with pytest.raises(ValueError, match="out has shape"):
        sketch.apply(x, out=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="columns"):
        sketch.accumulate(x, 1, np.zeros((3, 2)))


@pytest.mark.filterwarnings("ignore:Sketch. k is")
@pytest.mark.parametrize("s", [1, 3, 5])
@pytest.mark.parametrize("first", [0, 1])
def test_rows_that_are_written_together(first, s, rng):
    n, d, k = 1103, 800, 1001
    sketch = Sketch("sparse_jl", d, k, s=s, dtype=np.float32, seed=6)
    x = matrix(rng, (n, d), np.float32, 0.05)
    wanted = sketch.apply(x.toarray())
    memory = np.full(n * k + 2, 7, np.float32)
    out = memory[first : first + n * k].reshape(n, k)
    assert sketch.apply(x, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    out[:] = 0
    sketch.accumulate(x[:, :300], 0, out)
    sketch.accumulate(x[:, 300:], 300, out)
    np.testing.assert_array_equal(out, wanted)
    assert np.all(memory[:first] == 7)
    assert np.all(memory[first + n * k :] == 7)

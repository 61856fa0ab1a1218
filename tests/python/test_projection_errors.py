# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What random maps refuse, and that nothing is written then."""

import pickle
import warnings

import numpy as np
import pytest

from isokern.projection import KINDS, Sketch


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("sparse", 5, 2), {}, ValueError, "kind is 'sparse', expected one of 'sparse_jl'"),
        ((3, 5, 2), {}, ValueError, "kind is 3"),
        (("gaussian", 0, 2), {}, ValueError, "d is 0, expected an integer from 1"),
        (("gaussian", 5, 0), {}, ValueError, "k is 0, expected an integer from 1"),
        (("gaussian", 5, -2), {}, ValueError, "k is -2"),
        (("gaussian", 5.0, 2), {}, TypeError, "d is 5.0"),
        (("gaussian", 5, "auto"), {}, TypeError, "k is 'auto'"),
        (("gaussian", True, 2), {}, TypeError, "d is True"),
        (("gaussian", 1 << 31, 2), {}, ValueError, "d is 2147483648"),
        (("haar", 5, 6), {}, ValueError, "k is 6, expected an integer from 1 to 5"),
        (("srht", (1 << 24) + 1, 6), {}, ValueError, "d is 16777217"),
        (("gaussian", 5, 2), {"seed": -1}, ValueError, "seed is -1"),
        (("gaussian", 5, 2), {"seed": 1 << 64}, ValueError, "seed is 18446744073709551616"),
        (("gaussian", 5, 2), {"seed": None}, TypeError, "seed is None"),
        (("sparse_jl", 5, 2), {"s": 3}, ValueError, "s is 3, expected an integer from 1 to 2"),
        (("sparse_jl", 5, 2), {"s": 0}, ValueError, "s is 0"),
        (("count_sketch", 5, 2), {"s": 1}, TypeError, "s is 1, expected none"),
        (("very_sparse", 5, 2), {"density": 0}, ValueError, "density is 0"),
        (("very_sparse", 5, 2), {"density": 1e-12}, ValueError, "density is 1e-12"),
        (("very_sparse", 5, 2), {"density": 1.5}, ValueError, "density is 1.5"),
        (("very_sparse", 5, 2), {"density": np.nan}, ValueError, "density is nan"),
        (("very_sparse", 5, 2), {"density": "auto"}, TypeError, "density is 'auto'"),
        (("achlioptas", 5, 2), {"density": 0.5}, TypeError, "density is 0.5, expected none"),
        (("gaussian", 5, 2), {"dtype": np.float16}, TypeError, "dtype is float16"),
    ],
)
def test_maps(arguments, options, error, words):
    with pytest.raises(error, match=words):
        Sketch(*arguments, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_rows(kind):
    sketch = Sketch(kind, 5, 3)
    x, y = np.ones((4, 5)), np.ones((4, 3))
    with pytest.raises(
        ValueError, match=r"Sketch.apply: x has shape \(4, 3\), expected \(..., 5\)"
    ):
        sketch.apply(y)
    with pytest.raises(ValueError, match=r"Sketch.adjoint: y has shape \(4, 5\)"):
        sketch.adjoint(x)
    with pytest.raises(ValueError, match=r"shape \(\)"):
        sketch.apply(1.0)
    with pytest.raises(TypeError, match="x has dtype float32, expected float64 as the sketch"):
        sketch.apply(x.astype(np.float32))
    with pytest.raises(TypeError, match="complex128"):
        sketch.apply(x + 1j)
    out = np.full((4, 3), 9.0)
    with pytest.raises(ValueError, match="2 columns from 4 on, expected columns of 5"):
        sketch.accumulate(x[:, :2], 4, out)
    with pytest.raises(ValueError, match="from -1 on"):
        sketch.accumulate(x[:, :2], -1, out)
    with pytest.raises(TypeError, match=r"start is 0\.5"):
        sketch.accumulate(x[:, :2], 0.5, out)
    with pytest.raises(ValueError, match="out has shape"):
        sketch.accumulate(x, 0, out[:2])
    with pytest.raises(TypeError, match="out has dtype"):
        sketch.apply(x, out=np.zeros((4, 3), np.float32))
    out.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        sketch.apply(x, out=out)
    assert np.all(out == 9)
    memory = np.zeros(32)
    with pytest.raises(ValueError, match="overlaps"):
        sketch.apply(memory[:20].reshape(4, 5), out=memory[10:22].reshape(4, 3))


def test_matrix():
    sketch = Sketch("gaussian", 5, 3)
    for rows, cols in (([3], None), (-4, None), (None, [0, 5])):
        with pytest.raises(IndexError, match="expected"):
            sketch.matrix(rows, cols)
    for bad in ([0.5], "a", [[0, 1]]):
        with pytest.raises(TypeError, match="expected a slice or integers"):
            sketch.matrix(bad)
    for kind in KINDS[4:]:
        with pytest.raises(ValueError, match="matrix"):
            Sketch(kind, 5, 3).to_csr()


@pytest.mark.filterwarnings("ignore:Sketch. k is")
def test_results_beyond_the_address_space():
    sketch = Sketch("count_sketch", 1, 1 << 29)
    x = np.broadcast_to(np.ones(1), (1 << 40, 1))
    with pytest.raises(ValueError, match="exceeds the address space"):
        sketch.apply(x)


@pytest.mark.parametrize("kind", KINDS)
def test_sparse_blocks_without_columns(kind):
    sparse = pytest.importorskip("scipy.sparse")
    out = np.ones((3, 4))
    for empty in (sparse.csr_array((3, 0)), sparse.csc_array((3, 0))):
        Sketch(kind, 10, 4).accumulate(empty, 5, out)
    np.testing.assert_array_equal(out, 1)


def test_sparse_blocks_are_added_to_what_is_given():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="out is a NoneType"):
        Sketch("sparse_jl", 10, 4).accumulate(sparse.csr_array(np.ones((3, 5))), 0, None)


@pytest.mark.parametrize("part", ["data", "indices", "indptr"])
def test_parts_of_a_sparse_matrix_are_no_output(part, rng):
    sparse = pytest.importorskip("scipy.sparse")
    x = sparse.csr_array(rng.standard_normal((40, 8)))
    x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    before = x.copy()
    out = getattr(x, part).view(np.float64)[:40].reshape(40, 1)
    with pytest.raises(ValueError, match="out"):
        Sketch("sparse_jl", 8, 1).apply(x, out=out)
    assert (x != before).nnz == 0


def test_indices_without_a_sign_do_not_wrap():
    with pytest.raises(IndexError, match="rows"):
        Sketch("gaussian", 5, 4).matrix(rows=np.array([2**64 - 1], np.uint64))


def test_more_dimensions_than_features_warn_once():
    text = "Sketch: k is 9, more than the 5 features"
    with pytest.warns(UserWarning, match=text) as found:
        sketch = Sketch("gaussian", 5, 9)
    assert len(found) == 1
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(sketch)) == sketch
        Sketch("gaussian", 9, 9)
    pytest.importorskip("sklearn")
    from isokern.projection import GaussianProjection

    with pytest.warns(UserWarning, match="n_components is 9, more than the 5 features") as found:
        GaussianProjection(9).fit(np.ones((3, 5)))
    assert len(found) == 1

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The scikit-learn transformers: the contract of the library, drop-in use, what they promise."""

import doctest
import importlib
import inspect
import pickle
import warnings

import numpy as np
import pytest
from support import same_bits

from isokern import projection
from isokern.projection import Sketch, SparsityWarning, distortion, min_dim, min_sparsity

sklearn = pytest.importorskip("sklearn")
sparse = pytest.importorskip("scipy.sparse")

from isokern.projection import (  # noqa: E402 - needs scikit-learn
    CountSketch,
    GaussianProjection,
    HadamardProjection,
    RademacherProjection,
    SparseJL,
)

MAPS = {
    SparseJL: "sparse_jl",
    CountSketch: "count_sketch",
    GaussianProjection: "gaussian",
    RademacherProjection: "rademacher",
    HadamardProjection: "srht",
}
SPARSE = (SparseJL, CountSketch)
every_map = pytest.mark.parametrize("Map", MAPS)
quiet = pytest.mark.filterwarnings("ignore::isokern.projection.SparsityWarning")


@every_map
def test_the_contract_of_scikit_learn(Map):
    from sklearn.utils.estimator_checks import check_estimator

    for options in ({}, {"inverse_steps": 0, "compute_inverse_components": True}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(Map(2, **options), on_skip=None)
        assert {result["status"] for result in results} <= {"passed", "skipped"}
        assert sum(result["status"] == "passed" for result in results) > 40


@every_map
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_map_is_the_sketch(rng, Map, dtype):
    x = rng.standard_normal((40, 90)).astype(dtype)
    transformer = Map(16, random_state=7).fit(x)
    options = {"s": 8} if Map is SparseJL else {}
    sketch = Sketch(MAPS[Map], 90, 16, seed=7, dtype=dtype, **options)
    assert transformer.sketch_ == sketch
    y = transformer.transform(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, sketch.apply(x))
    matrix = transformer.components_
    assert sparse.issparse(matrix) == (Map in SPARSE)
    dense = matrix.toarray() if sparse.issparse(matrix) else matrix
    np.testing.assert_array_equal(dense, sketch.matrix())
    other = np.float32 if dtype is np.float64 else np.float64
    z = transformer.transform(x.astype(other))
    assert z.dtype == other
    np.testing.assert_allclose(z, y, rtol=1e-4, atol=1e-4)
    assert transformer.transform(np.arange(90).reshape(1, 90)).dtype == np.float64
    same_bits(lambda: transformer.transform(x))


@quiet
@every_map
def test_automatic_components(rng, Map):
    x = rng.standard_normal((60, 5000)).astype(np.float32)
    transformer = Map(eps=0.3, random_state=1).fit(x)
    assert transformer.n_components_ == min_dim(60, 0.3, delta=0.05)
    assert transformer.transform(x).shape == (60, transformer.n_components_)
    assert Map(eps=0.3, delta=1e-6).fit(x).n_components_ == min_dim(60, 0.3, delta=1e-6)
    random_projection = importlib.import_module("sklearn.random_projection")
    theirs = random_projection.SparseRandomProjection(eps=0.3).fit(x).n_components_
    assert Map(eps=0.3, delta=None).fit(x).n_components_ == theirs
    assert transformer.n_components_ <= theirs
    names = transformer.get_feature_names_out()
    assert len(names) == transformer.n_components_
    assert names[3] == f"{Map.__name__.lower()}3"
    assert Map().fit(np.ones((1, 5))).n_components_ == 1  # a single point


@quiet
@every_map
def test_pandas(rng, Map):
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(rng.standard_normal((30, 2000)))
    x.columns = [f"feature {i}" for i in range(2000)]
    y = Map(eps=0.5, random_state=1).set_output(transform="pandas").fit_transform(x)
    assert list(y.columns) == [f"{Map.__name__.lower()}{i}" for i in range(y.shape[1])]
    assert y.shape == (30, min_dim(30, 0.5, delta=0.05))


@quiet
def test_the_promise_holds():
    """With delta = 0.05, 5 of 20 draws or more would break it with a probability below 0.3 %."""
    x = np.random.default_rng(0).standard_normal((50, 1500))
    for Map in MAPS:
        broken = 0
        for seed in range(20):
            y = Map(eps=0.4, random_state=seed).fit_transform(x)
            broken += not distortion(x, y, eps=0.4).held
        assert broken < 5


@every_map
def test_a_few_bytes(rng, Map):
    x = rng.standard_normal((20, 3000))
    transformer = Map(500, random_state=3).fit(x)
    stored = pickle.dumps(transformer)
    assert len(stored) < 1000
    restored = pickle.loads(stored)
    np.testing.assert_array_equal(restored.transform(x), transformer.transform(x))
    assert sklearn.base.clone(transformer).get_params() == transformer.get_params()


@every_map
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_input(Map, form, dtype):
    x = form(sparse.random(50, 200, 0.1, random_state=2, dtype=dtype))
    transformer = Map(12, random_state=1).fit(x)
    y = transformer.transform(x)
    assert isinstance(y, np.ndarray)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, transformer.transform(x.toarray()), rtol=1e-5, atol=1e-5)
    if Map in SPARSE:
        z = transformer.set_params(dense_output=False).transform(x)
        assert z.format == "csr"
        assert z.dtype == dtype
        assert isinstance(z, sparse.sparray) == isinstance(x, sparse.sparray)
        np.testing.assert_array_equal(z.toarray(), y)
        assert isinstance(transformer.transform(x.toarray()), np.ndarray)


@every_map
@pytest.mark.parametrize("shape", [(100, 20), (24, 24), (9, 16)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")
def test_inverse(rng, Map, shape):
    features, k = shape
    x = rng.standard_normal((30, features))
    transformer = Map(k, random_state=5).fit(x)
    y = transformer.transform(x)
    matrix = transformer.sketch_.matrix()
    inverse = np.linalg.pinv(matrix)
    solved = transformer.inverse_transform(y)
    goal = y @ inverse.T
    np.testing.assert_allclose(solved, goal, atol=1e-5 * np.abs(goal).max())
    any_y = rng.standard_normal(y.shape)  # also images of nothing
    goal = any_y @ inverse.T
    found = transformer.inverse_transform(any_y)
    np.testing.assert_allclose(found, goal, atol=1e-5 * np.abs(goal).max())
    transformer.set_params(inverse_steps=0)
    np.testing.assert_array_equal(transformer.inverse_transform(y), transformer.sketch_.adjoint(y))
    stored = Map(k, random_state=5, compute_inverse_components=True).fit(x)
    assert stored.inverse_components_.shape == (features, k)
    np.testing.assert_allclose(stored.inverse_transform(y), y @ inverse.T, atol=1e-9)
    np.testing.assert_allclose(stored.inverse_transform(sparse.csr_array(y)), y @ inverse.T)


@every_map
def test_inverse_keeps_the_dtype_and_steps_help(rng, Map):
    x = rng.standard_normal((10, 400)).astype(np.float32)
    transformer = Map(100, random_state=5).fit(x)
    y = transformer.transform(x)
    lost = []
    for steps in (0, 2, 5, None):
        back = transformer.set_params(inverse_steps=steps).inverse_transform(y)
        assert back.dtype == np.float32
        lost.append(np.linalg.norm(transformer.transform(back) - y) / np.linalg.norm(y))
    assert lost[0] > lost[1] > lost[2] > lost[3] or lost[1] < 1e-5  # orthogonal rows: done at once
    assert lost[3] < 1e-5
    with pytest.raises(ValueError, match=r"X has shape \(10, 99\), expected \(n, 100\)"):
        transformer.inverse_transform(y[:, 1:])


@every_map
def test_parts(rng, Map):
    x = rng.standard_normal((40, 30))
    transformer = Map(6, random_state=2)
    for part in np.array_split(x, 4):
        assert transformer.partial_fit(part) is transformer
    np.testing.assert_array_equal(
        transformer.transform(x), Map(6, random_state=2).fit(x).transform(x)
    )
    with pytest.raises(ValueError, match="30 features"):
        transformer.partial_fit(x[:, 1:])
    with pytest.raises(ValueError, match=r"n_components is 'auto', expected an integer for"):
        Map().partial_fit(x)


def test_random_states(rng):
    x = rng.standard_normal((5, 30))
    fit = lambda state: SparseJL(6, random_state=state).fit(x).seed_  # noqa: E731
    assert fit(2**64 - 1) == 2**64 - 1
    assert fit(np.int32(4)) == 4
    assert fit(np.random.RandomState(3)) == fit(np.random.RandomState(3))
    assert fit(np.random.default_rng(3)) == fit(np.random.default_rng(3)) != fit(None)
    assert fit(None) != fit(None)


def test_a_drop_in_for_sparse_random_projection(rng):
    library = importlib.import_module("sklearn.random_projection")
    theirs = inspect.signature(library.SparseRandomProjection).parameters
    ours = inspect.signature(SparseJL).parameters
    assert set(theirs) <= set(ours)
    for name, parameter in theirs.items():
        assert ours[name].kind == parameter.kind
        if name != "dense_output":  # dense by default here
            assert ours[name].default == parameter.default
    dense = inspect.signature(GaussianProjection).parameters
    for name, parameter in inspect.signature(library.GaussianRandomProjection).parameters.items():
        assert (dense[name].kind, dense[name].default) == (parameter.kind, parameter.default)
    x = sparse.random(200, 3000, 0.01, random_state=0, format="csr")
    options = {
        "n_components": 60, "density": 0.2, "eps": 0.3, "dense_output": False,
        "compute_inverse_components": True, "random_state": 4,
    }  # fmt: skip
    for kind in (SparseJL, library.SparseRandomProjection):
        transformer = kind(**options).fit(x)
        y = transformer.transform(x)
        assert y.format == "csr"
        assert y.shape == (200, 60)
        assert transformer.density_ == 0.2
        assert transformer.components_.shape == (60, 3000)
        assert transformer.components_.nnz == pytest.approx(0.2 * 60 * 3000, rel=0.05)
        assert transformer.inverse_components_.shape == (3000, 60)
        assert transformer.inverse_transform(y).shape == (200, 3000)


def test_in_a_pipeline(rng):
    """Digits told apart as well after a projection, in a pipeline and under a grid search."""
    datasets = importlib.import_module("sklearn.datasets")
    linear = importlib.import_module("sklearn.linear_model")
    x, labels = datasets.load_digits(return_X_y=True)
    pipeline = importlib.import_module("sklearn.pipeline").make_pipeline(
        SparseJL(48, random_state=0), linear.RidgeClassifier()
    )
    search = importlib.import_module("sklearn.model_selection").GridSearchCV(
        pipeline, {"sparsejl__s": [1, 8]}, cv=3
    )
    search.fit(x, labels)
    assert search.best_score_ > 0.85


def test_sparsity(rng):
    x = rng.standard_normal((60, 3000))
    k = min_dim(60, 0.3, delta=0.05)
    least = min_sparsity(60, 0.3, k, delta=0.05)
    transformer = SparseJL(eps=0.3, random_state=0).fit(x)
    assert transformer.s_ == max(least, 8)
    assert transformer.density_ == transformer.s_ / k
    assert SparseJL(30).fit(x).s_ == 8
    assert SparseJL(5).fit(x).s_ == 5
    assert SparseJL(30, density=0.5).fit(x).s_ == 15
    assert SparseJL(30, density=1).fit(x).s_ == 30
    assert SparseJL(30, density=1e-9).fit(x).s_ == 1
    assert SparseJL(eps=0.3, s=least).fit(x).s_ == least
    with pytest.warns(SparsityWarning, match=rf"s=2 nonzeros .* eps=0.3 .* they need s={least}"):
        SparseJL(eps=0.3, s=2).fit(x)
    with pytest.warns(SparsityWarning, match="SparseJL: s=1 "):
        SparseJL(eps=0.3, density=1e-9).fit(x)
    with pytest.warns(SparsityWarning, match="CountSketch: s=1 "):
        CountSketch(eps=0.3).fit(x)


def test_examples():
    for module in ("_projection_estimators", "projection"):
        failed, tried = doctest.testmod(importlib.import_module(f"isokern.{module}"))
        assert failed == 0
        assert tried > 0 or module == "projection"


def test_every_transformer_is_listed():
    for Map in MAPS:
        assert Map.__name__ in projection.__all__
        assert Map.__name__ in dir(projection)

# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The scikit-learn transformers and what they can't do: errors and warnings."""

import importlib

import numpy as np
import pytest

from isokern.projection import max_eps, min_dim

sklearn = pytest.importorskip("sklearn")
sparse = pytest.importorskip("scipy.sparse")

from isokern.projection import (  # noqa: E402 - needs scikit-learn
    CountSketch,
    GaussianProjection,
    HadamardProjection,
    RademacherProjection,
    SparseJL,
)

MAPS = (CountSketch, GaussianProjection, HadamardProjection, RademacherProjection, SparseJL)
every_map = pytest.mark.parametrize("Map", MAPS)


@every_map
def test_more_components_than_features(rng, Map):
    x = rng.standard_normal((1000, 500))
    best = max_eps(1000, 500, delta=0.05)
    with pytest.raises(ValueError, match="more than the 500 features; eps=") as caught:
        Map().fit(x)
    fits = float(str(caught.value).split("features; eps=")[1].split()[0])
    assert best <= fits < best + 0.0011
    assert min_dim(1000, fits, delta=0.05) <= 500
    with pytest.raises(ValueError, match="no eps below 1 would fit"):
        Map().fit(x[:, :3])
    exceptions = importlib.import_module("sklearn.exceptions")
    with pytest.warns(exceptions.DataDimensionalityWarning, match="n_components is 600, more than"):
        y = Map(600, random_state=0).fit_transform(x)
    assert y.shape == (1000, 600)


BAD = [
    (ValueError, "n_components is 0, expected 'auto' or an integer of 1", {"n_components": 0}),
    (TypeError, "n_components is 2.5, expected", {"n_components": 2.5}),
    (TypeError, "n_components is True, expected", {"n_components": True}),
    (ValueError, "n_components is 'all', expected 'auto'", {"n_components": "all"}),
    (ValueError, "eps is 0, expected a number above 0 and below 1", {"eps": 0}),
    (ValueError, "eps is 1, expected", {"eps": 1.0}),
    (ValueError, "delta is 2, expected", {"delta": 2}),
    (ValueError, "inverse_steps is -1, expected None or an integer", {"inverse_steps": -1}),
    (ValueError, "random_state is -1, expected None, a generator", {"random_state": -1}),
    (ValueError, "random_state is 18446744073709551616", {"random_state": 2**64}),
    (TypeError, "random_state is 'x', expected", {"random_state": "x"}),
]


BAD_SPARSE = [
    (ValueError, "s is 5, expected at most n_components, 4", {"s": 5}),
    (ValueError, "s is 0, expected 'auto' or an integer from 1 to 4", {"s": 0}),
    (TypeError, "s is 'few', expected", {"s": "few"}),
    (ValueError, "density is 'few', expected", {"density": "few"}),
    (ValueError, "density is 0, expected", {"density": 0}),
    (ValueError, "density is 0.5, expected 'auto' where s is set", {"density": 0.5, "s": 2}),
]


@every_map
@pytest.mark.parametrize(("kind", "message", "options"), BAD)
def test_bad_parameters(Map, kind, message, options):
    with pytest.raises(kind, match=f"{Map.__name__}: {message}"):
        Map(**{"n_components": 4, **options}).fit(np.ones((3, 7)))


@pytest.mark.parametrize(("kind", "message", "options"), BAD_SPARSE)
def test_bad_sparsity(kind, message, options):
    with pytest.raises(kind, match=f"SparseJL: {message}"):
        SparseJL(4, **options).fit(np.ones((3, 7)))


@every_map
def test_bad_data(Map):
    x = np.ones((3, 7))
    with pytest.raises(sklearn.exceptions.NotFittedError):
        Map(4).transform(x)
    with pytest.raises(AttributeError):
        _ = Map(4).components_
    fitted = Map(4, random_state=0).fit(x)
    with pytest.raises(ValueError, match="X has 6 features"):
        fitted.transform(x[:, 1:])
    for bad in (np.nan, np.inf):
        wrong = x.copy()
        wrong[1, 5] = bad
        for form in (np.asarray, sparse.csr_array, sparse.csc_array):
            for call in (fitted.transform, fitted.fit):
                with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
                    call(form(wrong))


@every_map
def test_images_may_overflow(Map):
    """An image beyond the range of the dtype is infinite; that is no fault of the data."""
    x = np.full((2, 50), 3e38, np.float32)
    fitted = Map(4, random_state=0).fit(x)
    assert not np.all(np.isfinite(fitted.transform(x)))

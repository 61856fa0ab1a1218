# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Dask arrays and bags, projected by two worker processes to the bits of one."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from support import bits

import isokern
from isokern.projection import KINDS, Sketch

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
db = pytest.importorskip("dask.bag")
distributed = pytest.importorskip("distributed")
sparse = pytest.importorskip("scipy.sparse")

D, K, N = 300, 24, 230
CHUNKS = ((100, 30, 100), (128, 64, 108))
ODD_CHUNKS = ((1, 229), (7, 92, 101, 100))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("dask"))
    settings = {"distributed.admin.tick.limit": "1h", "temporary-directory": folder}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        connected.wait_for_workers(2, timeout=60)
        yield connected


def project(*arguments):
    return isokern.dask.project(*arguments)


def same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(bits(found), bits(expected))


def sparse_rows(dtype, kind=sparse.csr_array):
    return kind(sparse.random(N, D, 0.05, random_state=1, dtype=dtype))


@pytest.mark.parametrize("chunks", [CHUNKS, ODD_CHUNKS, ((N,), (D,))])
@pytest.mark.parametrize("kind", KINDS)
def test_arrays(client, rng, kind, chunks):
    for dtype in (np.float32, np.float64):
        x = rng.standard_normal((N, D)).astype(dtype)
        sketch = Sketch(kind, D, K, seed=7, dtype=dtype)
        y = project(da.from_array(x, chunks=chunks), sketch)
        assert y.chunks == (chunks[0], (K,))
        assert y.dtype == dtype
        same(y.compute(), sketch.apply(x))


@pytest.mark.parametrize("kind", KINDS)
def test_many_features(client, rng, kind):
    """Chunks of columns at multiples of 1024 are added where they are, but for srht."""
    x = rng.standard_normal((20, 2300))
    sketch = Sketch(kind, 2300, 40, seed=7)
    y = project(da.from_array(x, chunks=((15, 5), (2048, 252))), sketch)
    together = any("rechunk" in str(key) for key in y.dask)
    assert together == (kind == "srht")
    same(y.compute(), sketch.apply(x))


def test_both_workers_work(client):
    y = project(da.ones((400, 50), chunks=(20, 50)), Sketch("sparse_jl", 50, 8)).persist()
    distributed.wait(y)
    places = client.who_has(y)
    assert len({worker for workers in places.values() for worker in workers}) == 2


@pytest.mark.parametrize("chunks", [CHUNKS, ODD_CHUNKS])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix])
def test_arrays_of_sparse_blocks(client, kind, chunks):
    x = sparse_rows(np.float64, kind)
    blocks = da.from_array(x.toarray(), chunks=chunks).map_blocks(kind, dtype=np.float64)
    sketch = Sketch("sparse_jl", D, K, seed=3)
    same(project(blocks, sketch).compute(), sketch.apply(x))


def test_bags_of_sparse_blocks(client):
    x = sparse_rows(np.float32)
    cuts = [0, 50, 51, 51, 200, N]
    blocks = [x[a:b] for a, b in itertools.pairwise(cuts)]
    for kind in ("sparse_jl", "gaussian", "srht"):
        sketch = Sketch(kind, D, K, seed=5, dtype=np.float32)
        found = project(db.from_sequence(blocks, npartitions=2), sketch).compute()
        assert [len(part) for part in found] == [50, 1, 0, 149, 30]
        same(np.concatenate(found), sketch.apply(x))


def test_unknown_numbers_of_rows(client, rng):
    x = rng.standard_normal((60, 20))
    array = da.from_array(x, chunks=(25, 10))
    chosen = array[array[:, 0] > 0]
    sketch = Sketch("count_sketch", 20, 5, seed=2)
    same(project(chosen, sketch).compute(), sketch.apply(x[x[:, 0] > 0]))


def test_fitted_transformers(client, rng):
    pytest.importorskip("sklearn")
    x = rng.standard_normal((N, D)).astype(np.float32)
    transformer = isokern.projection.SparseJL(K, random_state=4).fit(x.astype(np.float64))
    same(project(da.from_array(x, chunks=CHUNKS), transformer).compute(), transformer.transform(x))
    with pytest.raises(ValueError, match="project: sketch is a transformer that is not fitted"):
        project(da.ones((3, 9)), isokern.projection.SparseJL())


def test_what_is_sent_is_small():
    """The graph holds the map as a seed, whatever its size."""
    x = da.zeros((100, 10**6), chunks=(50, 10**5), dtype=np.float32)
    sketch = Sketch("gaussian", 10**6, 1000, seed=1, dtype=np.float32)
    cloudpickle = pytest.importorskip("cloudpickle")
    assert len(cloudpickle.dumps(project(x, sketch))) < 100_000


def test_nothing_is_changed_in_place(client, rng):
    x = da.from_array(rng.standard_normal((40, 30)), chunks=(20, 10)).persist()
    sketch = Sketch("sparse_jl", 30, 9, seed=1)
    y = project(x, sketch)
    same(y.compute(), y.compute())
    same(y.compute(), sketch.apply(x.compute()))


BAD = [
    (TypeError, "x is a ndarray, expected", lambda s: project(np.ones((3, 9)), s)),
    (TypeError, "x has dtype float32", lambda s: project(da.ones((3, 9), dtype=np.float32), s)),
    (ValueError, r"x has shape \(3, 8\), expected \(n, 9\)", lambda s: project(da.ones((3, 8)), s)),
    (ValueError, "x has 1 axes", lambda s: project(da.ones(9), s)),
    (TypeError, "sketch is a str", lambda s: project(da.ones((3, 9)), "sparse")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "call"), BAD)
def test_bad_input(kind, message, call):
    with pytest.raises(kind, match=f"project: .*{message}"):
        call(Sketch("sparse_jl", 9, 3))


def test_dask_comes_on_demand():
    code = """
import sys
sys.modules["dask"] = None
from isokern import *
assert "dask" not in globals()
import isokern
try:
    isokern.dask
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'isokern.dask needs Dask: pip install "isokern[dask]"'

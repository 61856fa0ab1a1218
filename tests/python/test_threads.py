# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The same bits with one, two and three threads, in sizes that are shared among them."""

import os
import sys

import numpy as np
import pytest
from support import FLOATS, same_bits

import isokern
from isokern import orthogonal, rope

ml_dtypes = pytest.importorskip("ml_dtypes")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "shapes",
    [
        ((20_000, 48), (20_000, 48), (20_000, 48)),
        ((48,), (48,), (20_000, 48)),  # gradients in a and b are sums over the batch
        ((200, 1, 16), (1, 300, 16), (300, 16)),
        ((3, 1, 250_000), (250_000,), (1, 2, 250_000)),
    ],
    ids=str,
)
def test_orthogonal(shapes, dtype, rng):
    a, b, x = (rng.standard_normal(shape, dtype=dtype) for shape in shapes)
    g = rng.standard_normal(np.broadcast_shapes(*shapes), dtype=dtype)
    same_bits(lambda: orthogonal.reflect_between(a, b, x))
    same_bits(lambda: orthogonal.rotate_between(a, b, x, transpose=True))
    same_bits(lambda: orthogonal.reflect_between_vjp(g, a, b, x))
    same_bits(lambda: orthogonal.rotate_between_vjp(g, a, b, x))
    same_bits(lambda: orthogonal.reflect(a, x))
    shape = np.broadcast_shapes(a.shape, x.shape)
    h = rng.standard_normal(shape, dtype=dtype)
    same_bits(lambda: orthogonal.reflect_vjp(h, a, x))


@pytest.mark.parametrize("dtype", FLOATS)
def test_matrices(dtype, rng):
    a, b = rng.standard_normal((2, 60, 100), dtype=dtype)
    g = rng.standard_normal((60, 100, 100), dtype=dtype)
    same_bits(lambda: orthogonal.rotation_matrix(a, b))
    same_bits(lambda: orthogonal.reflection_matrix(a, b))
    same_bits(lambda: orthogonal.rotation_matrix_vjp(g, a, b))
    same_bits(lambda: orthogonal.reflection_matrix_vjp(g, a, b))


@pytest.mark.parametrize("layout", ["half", "interleaved"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_rope(dtype, layout, rng):
    plan = rope.plan(64, layout=layout)
    q = rng.normal(size=(2, 6, 1001, 64)).astype(dtype)
    k = rng.normal(size=(2, 2, 1001, 64)).astype(dtype)
    positions = rng.integers(0, 10**6, size=(2, 1, 1001))
    same_bits(lambda: rope.apply(q, k, plan=plan))
    same_bits(lambda: rope.apply(q, k, plan=plan, positions=positions))
    same_bits(lambda: rope.vjp(q, plan=plan, positions=positions * 0.5))
    same_bits(lambda: rope.apply_(q.copy(), k.copy(), plan=plan, offsets=[[7], [99]]))


def test_thread_api():
    before = isokern.get_num_threads()
    assert before >= 1
    with isokern.threads(3):
        assert isokern.get_num_threads() == 3
        with isokern.threads(1):
            assert isokern.get_num_threads() == 1
        assert isokern.get_num_threads() == 3
    assert isokern.get_num_threads() == before
    for bad in (0, -1):
        with pytest.raises(ValueError, match=r"\bn\b"):
            isokern.set_num_threads(bad)
    for bad in (1.5, "2", None, True):
        with pytest.raises(TypeError, match=r"\bn\b"):
            isokern.set_num_threads(bad)
    with pytest.raises(RuntimeError, match="inside"), isokern.threads(2):
        raise RuntimeError("inside")
    assert isokern.get_num_threads() == before


def test_a_scope_gives_the_number_back_to_openmp():
    asked = isokern._core.requested_threads()
    try:
        isokern._core.set_num_threads(0)
        with isokern.threads(3):
            assert isokern._core.requested_threads() == 3
        assert isokern._core.requested_threads() == 0
    finally:
        isokern._core.set_num_threads(asked)


def test_calls_from_many_threads_at_once(rng):
    """The GIL is released: calls from several Python threads must not disturb each other."""
    from concurrent.futures import ThreadPoolExecutor

    a, b, x = rng.normal(size=(3, 2000, 32))
    plan = rope.plan(32)
    wanted = orthogonal.rotate_between(a, b, x), rope.apply(x, plan=plan)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(orthogonal.rotate_between, a, b, x) for _ in range(20)]
        jobs += [pool.submit(rope.apply, x, plan=plan) for _ in range(20)]
        results = [job.result() for job in jobs]
    for i, result in enumerate(results):
        np.testing.assert_array_equal(result, wanted[i // 20])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python warns of any fork beside threads")
def test_a_forked_child_can_compute(rng):
    a, b, x = rng.normal(size=(3, 20_000, 32))
    wanted = orthogonal.rotate_between(a, b, x)
    child = os.fork()
    if child == 0:
        same = np.array_equal(orthogonal.rotate_between(a, b, x), wanted)
        os._exit(0 if same else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0

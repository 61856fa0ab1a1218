# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""More than 2^31 elements: broadcast input of no size, output of eight gigabytes."""

from pathlib import Path

import numpy as np
import pytest
from support import bits

import isokern
from isokern import orthogonal, rope

NEEDED = 14 * 2**30


def available():
    """Bytes of memory that may still be taken, as the system tells."""
    sizes = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                sizes.append(int(line.split()[1]) * 1024)
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
        if limit != "max":
            sizes.append(int(limit) - int(used))
    except OSError:
        pass
    return min(sizes, default=0)


@pytest.fixture(autouse=True)
def enough_memory():
    """Skip where eight gigabytes can't be had, and give them back."""
    isokern.release_memory()
    if available() < NEEDED:
        pytest.skip(f"needs {NEEDED >> 30} GiB of available memory")
    yield
    isokern.release_memory()


def look_everywhere(y, wanted):
    """Compare rows at both ends, around each power of two of the element index, and between."""
    length = y[0].size
    edges = {0, 1, len(y) - 1}
    for power in (31, 32):
        edges |= {min(2**power // length + step, len(y) - 1) for step in (-1, 0, 1)}
    for row in sorted(edges | set(range(0, len(y), len(y) // 1000))):
        np.testing.assert_array_equal(bits(y[row]), bits(wanted))


def test_more_than_2_to_the_31_elements(rng):
    """One area makes the output, the other takes it as `out`: new memory is what costs time."""
    batch, heads, seq, dim = 2**14 + 1, 64, 16, 128
    a, b, x = rng.normal(size=(3, dim)).astype(np.float32)
    y = orthogonal.rotate_between(a, b, np.broadcast_to(x, (batch * heads * seq, dim)))
    assert y.size > 2**31
    look_everywhere(y, orthogonal.rotate_between(a, b, x))
    x = rng.normal(size=(heads, seq, dim)).astype(np.float32)
    y = y.reshape(batch, heads, seq, dim)
    rope.apply(np.broadcast_to(x, y.shape), plan=rope.plan(dim), out=y)
    look_everywhere(y, rope.apply(x, plan=rope.plan(dim)))


def test_strides_beyond_2_to_the_31_elements():
    """Two rows, far apart in one large block that is never touched between them."""
    far = 2**31 + 5
    memory = np.zeros(far + 64, dtype=np.float32)  # pages come into being when written
    rows = np.lib.stride_tricks.as_strided(memory, (2, 64), (4 * far, 4))
    x = np.arange(128, dtype=np.float32).reshape(2, 64)
    rows[...] = x
    a, b = np.eye(64, dtype=np.float32)[:2]
    wanted = orthogonal.rotate_between(a, b, x)
    np.testing.assert_array_equal(orthogonal.rotate_between(a, b, rows), wanted)
    orthogonal.rotate_between(a, b, rows, out=rows)
    np.testing.assert_array_equal(rows, wanted)
    rope.apply_(rows, plan=rope.plan(64))
    np.testing.assert_array_equal(rows, rope.apply(wanted, plan=rope.plan(64)))

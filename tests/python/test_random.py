# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Philox4x32-10: published known answers, the definition, and streams at any offset and thread.

Normal numbers of it: the definition, and pieces.
"""

import itertools

import numpy as np
import pytest
from support import bits, same_bits, ulps

import isokern
from isokern import _core, reference

# The vectors that Random123 publishes (kat_vectors, philox4x32 with 10 rounds).
KNOWN = [  # counter, key, answer
    (4 * "00000000 ", 2 * "00000000 ", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    (4 * "ffffffff ", 2 * "ffffffff ", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
SEED, STREAM = 0xA4093822_299F31D0, 0x243F6A88_85A308D3


def words(text):
    return np.array([int(word, 16) for word in text.split()], dtype=np.uint32)


@pytest.mark.parametrize("generator", [_core.philox4x32, reference.random.philox4x32])
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(generator, counter, key, answer):
    got = generator(np.tile(words(counter), (3, 1)), np.tile(words(key), (3, 1)))
    assert got.dtype == np.uint32
    np.testing.assert_array_equal(got, np.tile(words(answer), (3, 1)))


def test_block_function_agrees_with_the_definition(rng):
    counter = rng.integers(0, 2**32, size=(1000, 4), dtype=np.uint32)
    key = rng.integers(0, 2**32, size=(1000, 2), dtype=np.uint32)
    np.testing.assert_array_equal(
        _core.philox4x32(counter, key), reference.random.philox4x32(counter, key)
    )


def definition(seed, stream, offset, n):
    """Words of a stream by the convention: counter (block, stream), key seed, low words first."""
    index = [offset + i for i in range(n)]
    low = 0xFFFFFFFF
    counter = [[(i // 4) & low, (i // 4) >> 32, stream & low, stream >> 32] for i in index]
    blocks = reference.random.philox4x32(
        np.array(counter, np.uint32).reshape(n, 4), np.array([seed & low, seed >> 32], np.uint32)
    )
    return blocks[np.arange(n), np.array([i % 4 for i in index], int)]


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 63, 64, 1001])
@pytest.mark.parametrize("offset", [0, 1, 2, 3, 4, 30, 4 * (2**32 - 5) + 1, 2**62 + 3])
def test_streams(offset, n):
    got = _core.random_bits(SEED, STREAM, offset, n)
    assert got.dtype == np.uint32
    np.testing.assert_array_equal(got, definition(SEED, STREAM, offset, n))


@pytest.mark.parametrize(
    ("seed", "stream"), [(0, 0), (1, 0), (0, 1), (2**64 - 1, 2**64 - 1), (2**32, 5)]
)
def test_seeds_and_streams_of_64_bits(seed, stream):
    np.testing.assert_array_equal(
        _core.random_bits(seed, stream, 7, 50), definition(seed, stream, 7, 50)
    )


def test_pieces_are_the_whole(thread_count):
    """A long draw, by any number of threads, is what its pieces are."""
    n = 1_000_003
    with isokern.threads(1):
        whole = _core.random_bits(SEED, STREAM, 5, n)
    np.testing.assert_array_equal(_core.random_bits(SEED, STREAM, 5, n), whole)
    cuts = [0, 1, 6, 1000, 500_001, n]
    pieces = [
        _core.random_bits(SEED, STREAM, 5 + start, stop - start)
        for start, stop in itertools.pairwise(cuts)
    ]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    sample = np.array([0, 999, 123_456, n - 1])
    for i in sample:
        assert whole[i] == definition(SEED, STREAM, 5 + int(i), 1)[0]


def test_bits_look_random():
    each = np.unpackbits(_core.random_bits(1, 2, 0, 100_000).view(np.uint8)).reshape(-1, 32)
    # Each of the 32 positions: 100 000 fair coins, within five standard deviations.
    assert np.all(np.abs(each.mean(axis=0) - 0.5) < 5 * 0.5 / np.sqrt(100_000))
    one, other = _core.random_bits(1, 2, 0, 1000), _core.random_bits(1, 3, 0, 1000)
    assert np.count_nonzero(one == other) <= 1


@pytest.mark.parametrize("offset", [0, 1, 2, 7, 2**33 - 3, 2**60 + 1])
@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (SEED, STREAM), (2**64 - 1, 1 << 48)])
def test_normals_agree_with_the_definition(seed, stream, offset):
    for n in (0, 1, 2, 3, 16, 4001):
        got = _core.random_normals(seed, stream, offset, n)
        assert (got.dtype, got.shape) == (np.float64, (n,))
        assert ulps(got, reference.random.normals(seed, stream, offset, n)) <= 4


def test_normals_in_pieces_and_threads():
    whole = _core.random_normals(SEED, STREAM, 5, 300_001)
    same_bits(lambda: _core.random_normals(SEED, STREAM, 5, 300_001))
    for start, stop in itertools.pairwise([0, 1, 2, 3, 10, 999, 150_000, 300_001]):
        piece = _core.random_normals(SEED, STREAM, 5 + start, stop - start)
        np.testing.assert_array_equal(bits(piece), bits(whole[start:stop]))

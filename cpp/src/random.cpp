// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Random words by all threads: whole blocks in place, the ends through one block on the stack.
#include "isokern/random.hpp"

#include <algorithm>

#include "parallel.hpp"
#include "table.hpp"

namespace isokern {

void random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset, std::ptrdiff_t n,
                 std::uint32_t* out) {
  const auto partial = [&](Index begin, Index end) {
    const std::uint64_t word = offset + static_cast<std::uint64_t>(begin);
    const PhiloxBlock block = philox_block(seed, stream, word / 4);
    for (Index i = begin; i < end; ++i) {
      out[i] = block.word[(offset + static_cast<std::uint64_t>(i)) % 4];
    }
  };
  if (n <= 0) return;
  const Index head = std::min<Index>(n, static_cast<Index>((4 - offset % 4) % 4));
  const Index blocks = (n - head) / 4;
  const Index tail = head + 4 * blocks;
  if (head > 0) partial(0, head);
  const std::uint64_t first = (offset + static_cast<std::uint64_t>(head)) / 4;
  parallel_for(blocks, threads_for(16.0 * static_cast<double>(blocks)),
               [&](Index begin, Index end, int) {
                 kernels().random_blocks(seed, stream, first + static_cast<std::uint64_t>(begin),
                                         end - begin, out + head + 4 * begin);
               });
  if (tail < n) partial(tail, n);
}

void random_normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t offset,
                    std::ptrdiff_t n, double* out) {
  const int threads = threads_for(8.0 * static_cast<double>(n));
  parallel_for(n, threads, [&](std::ptrdiff_t begin, std::ptrdiff_t end, int) {
    kernels().normals(seed, stream, offset + static_cast<std::uint64_t>(begin), end - begin,
                      out + begin);
  });
}

}  // namespace isokern

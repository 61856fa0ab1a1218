// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sums over the rows of groups, the same at every thread count: rows are cut into blocks by their
// number alone, one thread makes the sum of a block, and the sums of the blocks are added in order.
#pragma once

#include <algorithm>
#include <cstddef>

#include "parallel.hpp"

namespace isokern {

struct RowBlocks {
  std::ptrdiff_t rows, size, count;

  // width: doubles in a sum. At most 64 blocks, of 64 rows or more, in at most 64 MiB.
  RowBlocks(std::ptrdiff_t row_count, std::ptrdiff_t width) : rows(row_count) {
    const std::ptrdiff_t limit =
        std::clamp((std::ptrdiff_t{1} << 23) / width, std::ptrdiff_t{1}, std::ptrdiff_t{64});
    size = std::max<std::ptrdiff_t>(64, (rows + limit - 1) / limit);
    count = std::max<std::ptrdiff_t>(1, (rows + size - 1) / size);
  }
};

// Calls block(group, first_row, last_row, sum, scratch, thread) for every block: it writes its sum;
// then finish(group, sum) for every group. scratch: scratch_size doubles of the thread's own.
template <class Block, class Finish>
void reduce_rows(std::ptrdiff_t groups, std::ptrdiff_t rows, std::ptrdiff_t width, int threads,
                 std::ptrdiff_t scratch_size, Block&& block, Finish&& finish) {
  const RowBlocks blocks(rows, width);
  constexpr std::ptrdiff_t element = sizeof(double);
  if (blocks.count == 1) {
    const Workspace workspace(threads, (scratch_size + width) * element);
    parallel_for(groups, threads, [&](std::ptrdiff_t begin, std::ptrdiff_t end, int thread) {
      double* scratch = workspace.of<double>(thread);
      for (std::ptrdiff_t group = begin; group < end; ++group) {
        block(group, std::ptrdiff_t{0}, rows, scratch + scratch_size, scratch, thread);
        finish(group, scratch + scratch_size);
      }
    });
    return;
  }
  const Workspace workspace(threads, scratch_size * element);
  const Workspace partial(1, blocks.count * width * element);
  double* sums = partial.of<double>(0);
  for (std::ptrdiff_t group = 0; group < groups; ++group) {
    parallel_for(blocks.count, threads, [&](std::ptrdiff_t begin, std::ptrdiff_t end, int thread) {
      for (std::ptrdiff_t i = begin; i < end; ++i) {
        block(group, i * blocks.size, std::min(rows, (i + 1) * blocks.size), sums + i * width,
              workspace.of<double>(thread), thread);
      }
    });
    for (std::ptrdiff_t i = 1; i < blocks.count; ++i) {
      for (std::ptrdiff_t j = 0; j < width; ++j) sums[j] += sums[i * width + j];
    }
    finish(group, sums);
  }
}

}  // namespace isokern

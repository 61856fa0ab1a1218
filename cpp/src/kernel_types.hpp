// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// What the tables of kernels have in common.
#pragma once

#include <cstddef>

namespace isokern {

using Index = std::ptrdiff_t;

// What became of the items of a run: the first failing one, and why.
enum class Failure : int { none, bad_a, bad_b, no_map, no_gradient };
struct RunStatus {
  Index item = -1;
  Failure failure = Failure::none;
};

// Memory that the next run will read or write, if that is known.
struct Span {
  const void* data = nullptr;
  Index bytes = 0;
};
struct Ahead {
  static constexpr int kSpans = 3;
  Span spans[kSpans];
};

}  // namespace isokern

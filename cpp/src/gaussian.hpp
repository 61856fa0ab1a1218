// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Shared by gaussian.cpp and triangular.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "isokern/views.hpp"
#include "reflectors.hpp"

namespace isokern {

// Whether matrices are factored one by one, in blocks, rather than side by side in the lanes of
// vectors: where they do not fit into a cache side by side, or are too few to fill the lanes.
inline bool blocked_pays(Index d, Index items) {
  return d > 128 || (d > 48 && items < 4);
}

// Lower Cholesky factors, and what the kernel says of each item.
void factor_blocked(const ConstView& x, double tolerance, const View& out,
                    std::vector<std::int8_t>& status);

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Items of a batch over threads, for work that takes memory and may throw.
#pragma once

#include <exception>
#include <vector>

#include "parallel.hpp"
#include "reflectors.hpp"

namespace isokern {

// Calls body(item) for all items, of so many operations each. What is thrown leaves after the
// parallel region, and is of the first item that throws, whatever the number of threads: their
// parts are consecutive.
template <class Body>
void each_item(Index items, double flops, Body&& body) {
  const int threads = threads_for_flops(static_cast<double>(items) * flops);
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(threads));
  parallel_for(items, threads, [&](Index begin, Index end, int thread) {
    try {
      for (Index item = begin; item < end; ++item) body(item);
    } catch (...) {
      thrown[static_cast<std::size_t>(thread)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : thrown) {
    if (error) std::rethrow_exception(error);
  }
}

// factor d^3
inline double cubes(double factor, Index d) noexcept {
  const double size = static_cast<double>(d);
  return factor * size * size * size;
}

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// What functions on rows (..., d) share: the checks of their arguments, and failures turned into
// exceptions.
#pragma once

#include <string>
#include <vector>

#include "batch.hpp"
#include "isokern/error.hpp"
#include "table.hpp"

namespace isokern {

// Outputs beyond this many bytes are written past the caches.
inline constexpr std::ptrdiff_t kStreamBytes = std::ptrdiff_t{4} << 20;

// One argument: a view, and its name in messages.
struct Named {
  const char* name;
  const ConstView& view;
};

// Rows of length d in the dtype of the others, contiguous along the last axis.
void require_rows(const char* function, const Named& argument, std::ptrdiff_t d, Dtype dtype);

// An output of the shape batch + (d).
void require_output(const char* function, const char* name, const View& out, const Layout& batch,
                    std::ptrdiff_t d, Dtype dtype);

// The batch axes: all but the last.
inline Layout batch_of(const Layout& layout) {
  return leading_axes(layout, layout.rank - 1);
}

void require_dtype(const char* function, const Named& argument, Dtype wanted);

// float32 or float64.
void require_float(const char* function, const Named& argument);

// The first failure among the runs of several threads.
class Failures {
 public:
  explicit Failures(int threads) : first_(static_cast<std::size_t>(threads)) {}

  // `status` counts from `first_item`.
  void note(int thread, std::ptrdiff_t first_item, const RunStatus& status) noexcept {
    RunStatus& mine = first_[static_cast<std::size_t>(thread)];
    const std::ptrdiff_t item = first_item + status.item;
    if (status.failure != Failure::none && (mine.failure == Failure::none || item < mine.item)) {
      mine = {item, status.failure};
    }
  }

  RunStatus first() const noexcept {
    RunStatus result;
    for (const RunStatus& status : first_) {
      if (status.failure == Failure::none) continue;
      if (result.failure == Failure::none || status.item < result.item) result = status;
    }
    return result;
  }

 private:
  std::vector<RunStatus> first_;
};

// An argument that a failing item can be blamed on: its name, its batch axes, and what makes an
// item bad.
struct Suspect {
  const char* name;
  Layout batch;
  const char* fault = "is zero or not finite";
  const char* wanted = "a finite vector that is not zero";
};

// The number, in a shape that broadcasts to `batch`, of the item that serves an item of `batch`.
std::ptrdiff_t item_within(std::ptrdiff_t item, const Layout& batch, const Layout& own);

// The index, as text, in the argument's own batch axes, of what serves an item of `batch`.
std::string index_text(std::ptrdiff_t item, const Layout& batch, const Layout& own);

// Throws what `status` says of an item of `batch`: bad_a and bad_b blame the arguments a and b.
void throw_failure(const char* function, const RunStatus& status, const Layout& batch,
                   const Suspect& a, const Suspect& b);

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Fetches what the next run wants while this one computes. A processor has room for few fetches at
// a time, so they are spread over the work: all at once, they would wait for one another.
#pragma once

#include "../src/kernel_types.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

class Fetcher {
 public:
  // `work` is what all calls of done() will say together, about.
  ISOKERN_INLINE Fetcher(const Ahead& ahead, Index work) noexcept
      : span_(ahead.spans), end_(ahead.spans + Ahead::kSpans) {
    Index bytes = 0;
    for (const Span& span : ahead.spans) bytes += span.bytes;
    share_ = work > 0 ? static_cast<double>(bytes) / static_cast<double>(work) : 0;
  }

  // Some of the work has been done: fetches a share of the memory.
  ISOKERN_INLINE void done(Index work) noexcept {
    due_ += share_ * static_cast<double>(work);
    while (due_ >= kLine && span_ != end_) {
      const Index due = static_cast<Index>(due_), left = span_->bytes - at_;
      const Index stop = at_ + (due < left ? due : left);
      due_ += static_cast<double>(at_);
      for (; at_ < stop; at_ += kLine)
        prefetch_second(span_->data, static_cast<std::uintptr_t>(at_));
      due_ -= static_cast<double>(at_);
      if (at_ < span_->bytes) return;
      ++span_;
      at_ = 0;
    }
  }

 private:
  static constexpr Index kLine = 64;
  const Span* span_;
  const Span* end_;
  double share_, due_ = 0;  // bytes for a unit of work, and bytes to be fetched
  Index at_ = 0;            // in the span
};

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern

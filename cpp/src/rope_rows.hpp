// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The rows of cosines and sines that a plan makes. A source hands out the rows of a block of
// tokens, to be used by all heads and sequences that share their positions.
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include "rope_turn.hpp"

namespace isokern {

// The levels of a plan's frequencies, kept by the calling thread for its last few plans, as the
// layers of a model share them.
const double* rope_levels_of(const std::vector<double>& inv_freq);

inline void make_rope_table(const RopeTableRun<float>& run) noexcept {
  kernels().rope_table_f32(run);
}
inline void make_rope_table(const RopeTableRun<double>& run) noexcept {
  kernels().rope_table_f64(run);
}

// Rows of a plan, made block by block in the scratch of the thread.
template <class C>
class PlanRows {
 public:
  PlanRows(const RopePlan& plan, const Tokens& tokens, RopeMode mode)
      : plan_(plan), tokens_(tokens), pairs_(plan.pairs()), items_(tokens.batch, {tokens.batch}) {
    inverts_ = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
    const bool backwards = mode == RopeMode::inverse || mode == RopeMode::transpose;
    scale_ = inverts_ ? 1.0 / plan.attention_factor : plan.attention_factor;
    sin_scale_ = backwards ? -scale_ : scale_;
    simple_ = plan.n_axes() == 1;
    if (!simple_ && plan.axis.empty()) {
      for (Index term = 0; term < plan.terms; ++term)
        written_out_.insert(written_out_.end(), static_cast<std::size_t>(pairs_),
                            static_cast<std::int8_t>(term));
    }
    if constexpr (std::is_same_v<C, float>) {
      if (simple_ && plan.terms == 1 && plan.heads == 1 && plan.log_scale.empty() &&
          tokens.angles == RopeAngles::exact) {
        levels_ = rope_levels_of(plan.inv_freq);
      }
    }
  }

  const Layout& batch() const { return tokens_.batch; }
  Index pairs() const { return pairs_; }
  Index row_bytes() const { return 2 * pairs_ * static_cast<Index>(sizeof(C)); }
  Index scratch_bytes(Index block) const {
    return (2 + plan_.terms) * pairs_ * static_cast<Index>(sizeof(double)) + block * row_bytes();
  }
  // Whether queries (operand 0) and keys (operand 1) have rows of their own.
  bool per_operand() const { return !plan_.log_scale.empty(); }

  Rows<C> rows(Index item, Index first, Index last, int operand, std::byte* scratch) const {
    C* const table = reinterpret_cast<C*>(scratch + scratch_bytes(0));
    write(item, first, last, operand, scratch, table, 2 * pairs_);
    return {table, table + pairs_, 2 * pairs_};
  }

  // Rows [cos | sin] into the caller's array; scratch_bytes(0) are enough.
  void write(Index item, Index first, Index last, int operand, std::byte* scratch, C* table,
             Index stride) const {
    Batch<1>::Offsets offset;
    items_.locate(item, offset);
    RopeTableRun<C> run{};
    run.start = tokens_.start + static_cast<double>(first);
    if (tokens_.consecutive) {
      run.start = tokens_.data[offset[0]] + static_cast<double>(first);
    } else if (tokens_.data != nullptr) {
      run.positions = tokens_.data + offset[0] + first * tokens_.token_stride;
    }
    run.token_stride = tokens_.token_stride;
    run.axis_stride = tokens_.axis_stride;
    run.count = last - first;
    run.pairs = pairs_;
    run.terms = plan_.terms;
    run.term_stride = plan_.heads * pairs_;
    run.inv_freq = plan_.inv_freq.data() + item % plan_.heads * pairs_;
    if (!simple_) run.axis = plan_.axis.empty() ? written_out_.data() : plan_.axis.data();
    run.levels = levels_;
    run.float32_angles = tokens_.angles == RopeAngles::float32;
    if (per_operand()) run.log_scale = plan_.log_scale.data();
    run.log_sign = (operand == 0) != inverts_ ? 1.0 : -1.0;
    run.centre = plan_.centre;
    run.cos_scale = scale_;
    run.sin_scale = sin_scale_;
    run.scratch = reinterpret_cast<double*>(scratch);
    run.table = table;
    run.row_stride = stride;
    make_rope_table(run);
  }

 private:
  const RopePlan& plan_;
  const Tokens& tokens_;
  Index pairs_;
  Batch<1> items_;
  bool inverts_, simple_;
  double scale_, sin_scale_;
  std::vector<std::int8_t> written_out_;
  const double* levels_ = nullptr;
};

}  // namespace isokern

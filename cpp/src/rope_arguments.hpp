// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments of the rotary embedding, checked and in the terms of the walk over them.
#pragma once

#include <string>

#include "batch.hpp"
#include "isokern/rope.hpp"
#include "table.hpp"

namespace isokern {

inline constexpr const char* kRopeApply = "rope.apply";

void require_plan(const RopePlan& plan, RopeMode mode);

// The coordinates that take part.
struct Slice {
  Index pairs, offset;
  bool interleaved;
};

inline Slice slice_of(const RopePlan& plan) {
  return {plan.pairs(), plan.rotary_offset, plan.layout == PairLayout::interleaved};
}

// An array to turn, in the terms of the walk: batch axes, and the stride of a token.
struct Operand {
  ConstView x, out;                        // `out` is written by its owner alone
  Layout batch_shape, x_batch, out_batch;  // all axes but the sequence and the last
  Index tokens, x_token, out_token, dim;
};

// Without checks of `out`: an array of the same shape.
Operand split_axes(int seq_axis, const ConstView& x, const ConstView& out, const char* name);

void require_slice(const Slice& slice, const ConstView& x, const char* name);

Operand require_operand(const Slice& slice, int seq_axis, const ConstView& x, const View& out,
                        const char* name, const char* out_name);

// Throws unless the keys go with the queries: the same dtype, as many tokens, as wide, and batch
// axes that are equal or, as the heads of grouped attention, divide those of the queries.
void require_groups(const Operand& q, const Operand& k);

// Throws unless the operand has the heads of a plan with frequencies for each.
void require_heads(const RopePlan& plan, const Operand& operand, const char* name);

// The positions of a call: their own batch axes, broadcast with the plan's heads, which come last;
// the strides of tokens and axes.
struct Tokens {
  const double* data = nullptr;  // positions, or the first ones; null: `start`
  bool consecutive = false;      // data are the first ones
  Layout batch;
  Index token_stride = 0, axis_stride = 0;
  double start = 0;
  Index heads = 1;
  RopeAngles angles = RopeAngles::exact;
};

// `narrow`: data of float16.
Tokens require_positions(const RopePlan& plan, const RopePositions& given, Index tokens,
                         bool narrow);

}  // namespace isokern

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

// An array to turn, in the terms of the walk: batch axes, and the stride of a token.
struct Operand {
  ConstView x;
  View out;
  Layout batch_shape, x_batch, out_batch;  // all axes but the sequence and the last
  Index tokens, x_token, out_token, dim;
};

Operand require_operand(const RopePlan& plan, int seq_axis, const ConstView& x, const View& out,
                        const char* name, const char* out_name);

// Throws unless the keys go with the queries: the same dtype, as many tokens, as wide, and batch
// axes that are equal or, as the heads of grouped attention, divide those of the queries.
void require_groups(const Operand& q, const Operand& k);

// The positions of a call: their own batch axes, the strides of tokens and axes.
struct Tokens {
  const double* data = nullptr;
  Layout batch;
  Index token_stride = 0, axis_stride = 0;
  double start = 0;
};

Tokens require_positions(const RopePlan& plan, const RopePositions& given, Index tokens);

}  // namespace isokern

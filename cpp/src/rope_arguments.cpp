// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The checks of the rotary embedding's arguments.
#include "rope_arguments.hpp"

#include <algorithm>
#include <cmath>

#include "rows.hpp"

namespace isokern {
namespace {

constexpr double kLimit = 9007199254740992.0;  // 2^53

[[noreturn]] void reject(const std::string& what) {
  throw invalid_argument(std::string(kRopeApply) + ": " + what);
}

// The largest distance from the centre, once all values and those `reach` beyond them are within
// the limit.
double require_values(const ConstView& values, double reach, double centre, const char* name) {
  double furthest = 0;
  const double* data = values.as<double>();
  const Batch<1> all(values, {values});
  all.for_runs(0, all.size(), [&](Index, Index count, const Index* offset) {
    for (Index i = 0; i < count; ++i) {
      const double value = data[offset[0] + i * all.inner_stride(0)];
      if (!(std::abs(value) <= kLimit && value + reach <= kLimit)) {
        reject(std::string(name) + " has the value " + std::to_string(value) +
               ", expected finite values and positions of at most 2^53");
      }
      furthest = std::max({furthest, std::abs(value - centre), std::abs(value + reach - centre)});
    }
    return true;
  });
  return furthest;
}

// xPos: the factors must be numbers of the data's dtype. `narrow`: of float16.
void require_range(const RopePlan& plan, double furthest, bool narrow) {
  if (plan.log_scale.empty()) return;
  double largest = 0;
  for (double scale : plan.log_scale) largest = std::max(largest, std::abs(scale));
  const double limit = narrow ? 11.0 : 88.0;  // logarithms of the largest numbers, rounded down
  if (largest * furthest > limit) {
    reject("positions reach " + std::to_string(furthest) +
           " from the plan's centre, expected at most " + std::to_string(limit / largest) +
           ", where the factors of xPos leave the range of the dtype");
  }
}

}  // namespace

Operand split_axes(int seq_axis, const ConstView& x, const ConstView& out, const char* name) {
  const int axis = seq_axis < 0 ? seq_axis + x.rank : seq_axis;
  if (x.rank < 2 || axis < 0 || axis >= x.rank - 1) {
    reject("seq_axis is " + std::to_string(seq_axis) + " for " + name + " of shape " +
           shape_text(x) + ", expected an axis other than the last");
  }
  Operand result{x, out, {}, {}, {}, x.shape[axis], x.strides[axis], 0, x.shape[x.rank - 1]};
  if (out.rank != x.rank) return result;  // the caller says what is wrong
  result.out_token = out.strides[axis];
  for (int i = 0; i < x.rank - 1; ++i) {
    if (i == axis) continue;
    result.batch_shape.append(x.shape[i], 0);
    result.x_batch.append(x.shape[i], x.strides[i]);
    result.out_batch.append(x.shape[i], out.strides[i]);
  }
  return result;
}

void require_slice(const Slice& slice, const ConstView& x, const char* name) {
  const Index dim = x.shape[x.rank - 1], rotary = 2 * slice.pairs;
  if (slice.offset < 0 || rotary > dim || slice.offset > dim - rotary) {
    reject(std::string(name) + " has shape " + shape_text(x) +
           ", expected a last axis that holds the " + std::to_string(rotary) +
           " rotary coordinates from " + std::to_string(slice.offset) + " on");
  }
}

Operand require_operand(const Slice& slice, int seq_axis, const ConstView& x, const View& out,
                        const char* name, const char* out_name) {
  Operand result = split_axes(seq_axis, x, out, name);
  require_slice(slice, x, name);
  require_rows(kRopeApply, {name, x}, result.dim, x.dtype);
  const char* target = same_elements(out, x) ? name : out_name;
  require_output(kRopeApply, target, out, batch_of(x), result.dim, x.dtype);
  require_disjoint(out, x, true, kRopeApply, target, name);
  return result;
}

void require_heads(const RopePlan& plan, const Operand& operand, const char* name) {
  const Layout& batch = operand.batch_shape;
  if (plan.heads > 1 && (batch.rank == 0 || batch.shape[batch.rank - 1] != plan.heads)) {
    reject(std::string(name) + " has batch axes " + shape_text(batch) +
           ", expected the last of them to be the plan's " + std::to_string(plan.heads) + " heads");
  }
}

Tokens require_positions(const RopePlan& plan, const RopePositions& given, Index tokens,
                         bool narrow) {
  Tokens result;
  result.heads = plan.heads;
  result.angles = given.angles;
  const int axes = plan.n_axes();
  const ConstView& p = given.positions;
  double furthest = 0;  // from the centre
  if (p) {
    const int inner = axes > 1 ? 2 : 1;
    const bool shaped = p.dtype == Dtype::float64 && p.rank >= inner &&
                        p.shape[p.rank - inner] == tokens &&
                        (axes == 1 || p.shape[p.rank - 1] == axes);
    if (!shaped) {
      reject("positions has shape " + shape_text(p) + ", expected (..., " + std::to_string(tokens) +
             (axes > 1 ? ", " + std::to_string(axes) : "") + ")" +
             (p.dtype == Dtype::float64 ? "" : " in float64"));
    }
    result.data = p.as<double>();
    result.batch = leading_axes(p, p.rank - inner);
    result.token_stride = p.strides[p.rank - inner];
    result.axis_stride = axes > 1 ? p.strides[p.rank - 1] : 0;
    furthest = require_values(p, 0, plan.centre, "positions");
  } else {
    if (axes > 1)
      reject("positions are absent, expected (..., seq, " + std::to_string(axes) +
             ") for the plan's axes");
    const Index last = std::max<Index>(tokens - 1, 0);
    if (given.starts) {
      if (given.starts.dtype != Dtype::float64) reject("offsets are not float64");
      result.data = given.starts.as<double>();
      result.batch = leading_axes(given.starts, given.starts.rank);
      result.consecutive = true;
      furthest = require_values(given.starts, static_cast<double>(last), plan.centre, "offsets");
    } else {
      constexpr std::int64_t limit = std::int64_t{1} << 53;
      if (given.start < -limit || given.start > limit || last > limit - given.start) {
        reject("offsets reach beyond 2^53, expected positions within");
      }
      result.start = static_cast<double>(given.start);
      furthest = std::max(std::abs(result.start - plan.centre),
                          std::abs(result.start + static_cast<double>(last) - plan.centre));
    }
  }
  require_range(plan, furthest, narrow);
  if (plan.heads > 1) {
    const Layout all =
        broadcast_shapes(result.batch, Layout{plan.heads}, kRopeApply, "the plan's heads");
    result.batch = broadcast_to(result.batch, all, kRopeApply, "positions");
  }
  return result;
}

void require_groups(const Operand& q, const Operand& k) {
  bool fit = q.x.dtype == k.x.dtype && q.tokens == k.tokens && q.dim == k.dim &&
             q.batch_shape.rank == k.batch_shape.rank;
  for (int axis = 0; fit && axis < q.batch_shape.rank; ++axis) {
    const Index of_q = q.batch_shape.shape[axis], of_k = k.batch_shape.shape[axis];
    fit = of_q == of_k || (of_k > 0 && of_q % of_k == 0);
  }
  if (!fit) {
    reject("k has shape " + shape_text(k.x) +
           ", expected the dtype, tokens, width and batch axes of q " + shape_text(q.x) +
           ", where the number of heads may be a divisor");
  }
}

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Plans, and the checks of the rotary embedding's arguments.
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

}  // namespace

int RopePlan::n_axes() const noexcept {
  int largest = 0;
  for (std::int8_t number : axis) largest = std::max<int>(largest, number);
  return largest + 1;
}

RopePlan rope_plan(std::ptrdiff_t dim, double base, PairLayout layout, std::ptrdiff_t rotary_dim) {
  const Index width = rotary_dim == 0 ? dim : rotary_dim;
  if (width < 2 || width % 2 != 0 || width > dim) {
    throw invalid_argument("rope.plan: rotary_dim is " + std::to_string(width) + " for dim " +
                           std::to_string(dim) + ", expected an even number from 2 to dim");
  }
  if (!(base > 0) || !std::isfinite(base)) {
    throw invalid_argument("rope.plan: base is " + std::to_string(base) +
                           ", expected a positive finite number");
  }
  RopePlan plan;
  plan.layout = layout;
  for (Index pair = 0; pair < width / 2; ++pair) {
    plan.inv_freq.push_back(
        std::pow(base, -2.0 * static_cast<double>(pair) / static_cast<double>(width)));
  }
  return plan;
}

void require_plan(const RopePlan& plan, RopeMode mode) {
  if (plan.inv_freq.empty()) reject("plan has no frequencies, expected at least one pair");
  if (!plan.axis.empty() && plan.axis.size() != plan.inv_freq.size()) {
    reject("plan has " + std::to_string(plan.axis.size()) + " axes for " +
           std::to_string(plan.inv_freq.size()) + " frequencies, expected one each");
  }
  for (std::int8_t axis : plan.axis) {
    if (axis < 0) reject("plan has axis " + std::to_string(axis) + ", expected 0 or more");
  }
  for (double frequency : plan.inv_freq) {
    if (!(std::abs(frequency) <= kLimit)) {
      reject("plan has the frequency " + std::to_string(frequency) +
             ", expected finite ones of at most 2^53");
    }
  }
  const bool inverts = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
  const double factor = inverts ? 1.0 / plan.attention_factor : plan.attention_factor;
  if (!std::isfinite(factor)) {
    reject("plan has attention_factor " + std::to_string(plan.attention_factor) +
           ", expected a finite number" + (inverts ? " whose inverse is finite" : ""));
  }
}

Operand require_operand(const RopePlan& plan, int seq_axis, const ConstView& x, const View& out,
                        const char* name, const char* out_name) {
  const int axis = seq_axis < 0 ? seq_axis + x.rank : seq_axis;
  if (x.rank < 2 || axis < 0 || axis >= x.rank - 1) {
    reject("seq_axis is " + std::to_string(seq_axis) + " for " + name + " of shape " +
           shape_text(x) + ", expected an axis other than the last");
  }
  const Index dim = x.shape[x.rank - 1];
  const Index rotary = 2 * static_cast<Index>(plan.inv_freq.size());
  if (plan.rotary_offset < 0 || rotary > dim || plan.rotary_offset > dim - rotary) {
    reject(std::string(name) + " has shape " + shape_text(x) +
           ", expected a last axis that holds the plan's " + std::to_string(rotary) +
           " coordinates from " + std::to_string(plan.rotary_offset) + " on");
  }
  require_rows(kRopeApply, {name, x}, dim, x.dtype);
  const char* target = same_elements(out, x) ? name : out_name;
  require_output(kRopeApply, target, out, batch_of(x), dim, x.dtype);
  require_disjoint(out, x, true, kRopeApply, target, name);
  Operand result{x, out, {}, {}, {}, x.shape[axis], x.strides[axis], out.strides[axis], dim};
  for (int i = 0; i < x.rank - 1; ++i) {
    if (i == axis) continue;
    result.batch_shape.append(x.shape[i], 0);
    result.x_batch.append(x.shape[i], x.strides[i]);
    result.out_batch.append(x.shape[i], out.strides[i]);
  }
  return result;
}

Tokens require_positions(const RopePlan& plan, const RopePositions& given, Index tokens) {
  Tokens result;
  const int axes = plan.n_axes();
  const ConstView& p = given.positions;
  if (!p) {
    if (axes > 1)
      reject("positions are absent, expected (..., seq, " + std::to_string(axes) +
             ") for the plan's axes");
    constexpr std::int64_t furthest = std::int64_t{1} << 53;
    if (given.start < -furthest || given.start > furthest || tokens - 1 > furthest - given.start) {
      reject("offsets reach beyond 2^53, expected positions within");
    }
    result.start = static_cast<double>(given.start);
    return result;
  }
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
  const Batch<1> all(p, {p});
  all.for_runs(0, all.size(), [&](Index, Index count, const Index* offset) {
    for (Index i = 0; i < count; ++i) {
      const double position = result.data[offset[0] + i * all.inner_stride(0)];
      if (!(std::abs(position) <= kLimit)) {
        reject("positions has the value " + std::to_string(position) +
               ", expected finite values of at most 2^53");
      }
    }
    return true;
  });
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

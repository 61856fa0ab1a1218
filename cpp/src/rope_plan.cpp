// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Plans: their making, and what makes one valid.
#include <algorithm>
#include <cmath>

#include "rope_arguments.hpp"

namespace isokern {
namespace {

constexpr double kLimit = 9007199254740992.0;  // 2^53

[[noreturn]] void reject(const char* function, const std::string& what) {
  throw invalid_argument(std::string(function) + ": " + what);
}

void require_base(const char* function, double base) {
  if (!(base > 0) || !std::isfinite(base))
    reject(function, "base is " + std::to_string(base) + ", expected a positive finite number");
}

void require_shape(const char* function, const RopePlan& plan) {
  const auto size = static_cast<Index>(plan.inv_freq.size());
  if (plan.terms < 1 || plan.terms > 256 || plan.heads < 1 || plan.pairs() < 1 ||
      plan.pairs() * plan.terms * plan.heads != size) {
    reject(function, "plan has " + std::to_string(size) + " frequencies for " +
                         std::to_string(plan.terms) + " terms and " + std::to_string(plan.heads) +
                         " heads, expected as many for each, at least one pair");
  }
  if (!plan.axis.empty() && static_cast<Index>(plan.axis.size()) != plan.terms * plan.pairs()) {
    reject(function, "plan has " + std::to_string(plan.axis.size()) + " axes for " +
                         std::to_string(plan.terms * plan.pairs()) +
                         " frequencies of a head, expected one each");
  }
  if (!plan.log_scale.empty() && static_cast<Index>(plan.log_scale.size()) != plan.pairs()) {
    reject(function, "plan has " + std::to_string(plan.log_scale.size()) + " log_scale for " +
                         std::to_string(plan.pairs()) + " pairs, expected one each");
  }
}

// The axes of all terms, written out.
std::vector<std::int8_t> axes_of(const RopePlan& plan) {
  if (!plan.axis.empty()) return plan.axis;
  std::vector<std::int8_t> axis;
  for (Index term = 0; term < plan.terms; ++term)
    axis.insert(axis.end(), static_cast<std::size_t>(plan.pairs()), static_cast<std::int8_t>(term));
  return axis;
}

}  // namespace

int RopePlan::n_axes() const noexcept {
  if (axis.empty()) return static_cast<int>(terms);
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
  require_base("rope.plan", base);
  RopePlan plan;
  plan.layout = layout;
  for (Index pair = 0; pair < width / 2; ++pair) {
    plan.inv_freq.push_back(
        std::pow(base, -2.0 * static_cast<double>(pair) / static_cast<double>(width)));
  }
  return plan;
}

RopePlan rope_plan_axes(std::ptrdiff_t dim, int axes, double base, PairLayout layout,
                        bool alternate) {
  constexpr const char* function = "rope.plan_axes";
  if (axes < 1 || axes > 128)
    reject(function, "axes is " + std::to_string(axes) + ", expected 1 to 128");
  if (dim < 1 || dim % (2 * axes) != 0) {
    reject(function, "dim is " + std::to_string(dim) + ", expected a positive multiple of " +
                         std::to_string(2 * axes));
  }
  require_base(function, base);
  RopePlan plan;
  plan.layout = layout;
  const Index pairs = dim / 2, steps = pairs / axes;
  for (Index pair = 0; pair < pairs; ++pair) {
    const Index axis = alternate ? pair % axes : pair / steps;
    const Index step = alternate ? pair / axes : pair % steps;
    plan.axis.push_back(static_cast<std::int8_t>(axis));
    plan.inv_freq.push_back(
        std::pow(base, -2.0 * axes * static_cast<double>(step) / static_cast<double>(dim)));
  }
  return plan;
}

RopePlan rope_plan_between(const RopePlan& before, const RopePlan& after) {
  constexpr const char* function = "rope.plan_between";
  require_shape(function, before);
  require_shape(function, after);
  const bool fit =
      before.pairs() == after.pairs() && before.layout == after.layout &&
      before.rotary_offset == after.rotary_offset && before.heads == after.heads &&
      (before.log_scale.empty() || after.log_scale.empty() || before.centre == after.centre);
  if (!fit)
    reject(function, "the plans differ, expected the same pairs, layout, slice, heads and centre");
  RopePlan plan = after;
  plan.terms = before.terms + after.terms;
  plan.axis = axes_of(after);
  const std::vector<std::int8_t> more = axes_of(before);
  plan.axis.insert(plan.axis.end(), more.begin(), more.end());
  for (double frequency : before.inv_freq) plan.inv_freq.push_back(-frequency);
  plan.attention_factor = after.attention_factor / before.attention_factor;
  if (!before.log_scale.empty() || !after.log_scale.empty()) {
    if (after.log_scale.empty()) plan.centre = before.centre;
    plan.log_scale.resize(static_cast<std::size_t>(plan.pairs()));
    for (std::size_t j = 0; j < plan.log_scale.size(); ++j) {  // of keys, the inverse of queries
      plan.log_scale[j] = (before.log_scale.empty() ? 0 : before.log_scale[j]) -
                          (after.log_scale.empty() ? 0 : after.log_scale[j]);
    }
  }
  return plan;
}

std::vector<double> rope_ragged_positions(const std::vector<std::int64_t>& cu_seqlens,
                                          const std::vector<double>& starts) {
  constexpr const char* function = "rope.ragged_positions";
  if (cu_seqlens.empty() || cu_seqlens[0] != 0)
    reject(function, "cu_seqlens begins with " +
                         (cu_seqlens.empty() ? "nothing" : std::to_string(cu_seqlens[0])) +
                         ", expected 0");
  for (std::size_t i = 1; i < cu_seqlens.size(); ++i) {
    if (cu_seqlens[i] < cu_seqlens[i - 1])
      reject(function, "cu_seqlens falls from " + std::to_string(cu_seqlens[i - 1]) + " to " +
                           std::to_string(cu_seqlens[i]) + ", expected bounds in order");
  }
  if (!starts.empty() && starts.size() + 1 != cu_seqlens.size())
    reject(function, "offsets are " + std::to_string(starts.size()) + " for " +
                         std::to_string(cu_seqlens.size() - 1) + " sequences, expected one each");
  std::vector<double> positions;
  positions.reserve(static_cast<std::size_t>(cu_seqlens.back()));
  for (std::size_t i = 1; i < cu_seqlens.size(); ++i) {
    const double start = starts.empty() ? 0 : starts[i - 1];
    for (std::int64_t token = cu_seqlens[i - 1]; token < cu_seqlens[i]; ++token)
      positions.push_back(start + static_cast<double>(token - cu_seqlens[i - 1]));
  }
  return positions;
}

void require_plan(const RopePlan& plan, RopeMode mode) {
  require_shape(kRopeApply, plan);
  for (std::int8_t axis : plan.axis) {
    if (axis < 0)
      reject(kRopeApply, "plan has axis " + std::to_string(axis) + ", expected 0 or more");
  }
  for (double frequency : plan.inv_freq) {
    if (!(std::abs(frequency) <= kLimit)) {
      reject(kRopeApply, "plan has the frequency " + std::to_string(frequency) +
                             ", expected finite ones of at most 2^53");
    }
  }
  for (double scale : plan.log_scale) {
    if (!std::isfinite(scale)) reject(kRopeApply, "plan has a log_scale that is not finite");
  }
  if (!std::isfinite(plan.centre)) reject(kRopeApply, "plan has a centre that is not finite");
  const bool inverts = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
  const double factor = inverts ? 1.0 / plan.attention_factor : plan.attention_factor;
  if (!std::isfinite(factor)) {
    reject(kRopeApply, "plan has attention_factor " + std::to_string(plan.attention_factor) +
                           ", expected a finite number" +
                           (inverts ? " whose inverse is finite" : ""));
  }
}

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rotary embedding: checks, the split into units of work, the table of each unit, the call of the
// kernels.
//
// A unit is a block of consecutive tokens that share their positions. The thread that owns it makes
// the block's table, small enough for its second cache, and turns the rows of all heads and
// sequences that use it: no barrier, nothing shared.
#include "isokern/rope.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "batch.hpp"
#include "parallel.hpp"
#include "rows.hpp"

namespace isokern {
namespace {

constexpr const char* kFunction = "rope.apply";
constexpr Index kTableBytes = Index{256} << 10;  // of one unit

[[noreturn]] void reject(const std::string& what) {
  throw invalid_argument(std::string(kFunction) + ": " + what);
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
    if (!std::isfinite(frequency)) reject("plan has a frequency that is not finite");
  }
  const bool inverts = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
  if (!std::isfinite(plan.attention_factor) || (inverts && plan.attention_factor == 0)) {
    reject("plan has attention_factor " + std::to_string(plan.attention_factor) +
           ", expected a finite number" + (inverts ? " other than 0" : ""));
  }
}

// An array to turn, in the terms of the walk: batch axes, and the stride of a token.
struct Operand {
  ConstView x;
  View out;
  Layout batch_shape, x_batch, out_batch;  // all axes but the sequence and the last
  Index tokens, x_token, out_token, dim;
};

Operand operand(const RopePlan& plan, int seq_axis, const ConstView& x, const View& out,
                const char* name, const char* out_name) {
  const int axis = seq_axis < 0 ? seq_axis + x.rank : seq_axis;
  if (x.rank < 2 || axis < 0 || axis >= x.rank - 1) {
    reject("seq_axis is " + std::to_string(seq_axis) + " for " + name + " of shape " +
           shape_text(x) + ", expected an axis other than the last");
  }
  const Index dim = x.shape[x.rank - 1];
  const Index rotary = 2 * static_cast<Index>(plan.inv_freq.size());
  if (plan.rotary_offset < 0 || plan.rotary_offset + rotary > dim) {
    reject(std::string(name) + " has shape " + shape_text(x) +
           ", expected a last axis of at least " + std::to_string(plan.rotary_offset + rotary) +
           " for the plan's rotary slice");
  }
  require_rows(kFunction, {name, x}, dim, x.dtype);
  const char* target = same_elements(out, x) ? name : out_name;
  require_output(kFunction, target, out, batch_of(x), dim, x.dtype);
  require_disjoint(out, x, true, kFunction, target, name);
  Operand result{x, out, {}, {}, {}, x.shape[axis], x.strides[axis], out.strides[axis], dim};
  for (int i = 0; i < x.rank - 1; ++i) {
    if (i == axis) continue;
    result.batch_shape.append(x.shape[i], 0);
    result.x_batch.append(x.shape[i], x.strides[i]);
    result.out_batch.append(x.shape[i], out.strides[i]);
  }
  return result;
}

// Whether keys go with queries: as many tokens, as wide, and batch axes that are equal or, as the
// heads of grouped attention, divide those of the queries.
bool groups(const Operand& q, const Operand& k) {
  bool fit = q.tokens == k.tokens && q.dim == k.dim && q.batch_shape.rank == k.batch_shape.rank;
  for (int axis = 0; fit && axis < q.batch_shape.rank; ++axis) {
    const Index of_q = q.batch_shape.shape[axis], of_k = k.batch_shape.shape[axis];
    fit = of_q == of_k || (of_k > 0 && of_q % of_k == 0);
  }
  return fit;
}

// The positions of a call: their own batch axes, the strides of tokens and axes.
struct Tokens {
  const double* data = nullptr;
  Layout batch;
  Index token_stride = 0, axis_stride = 0;
  double start = 0;
};

Tokens require_positions(const RopePlan& plan, const RopePositions& given, Index tokens) {
  constexpr double limit = 9007199254740992.0;  // 2^53
  Tokens result;
  const int axes = plan.n_axes();
  const ConstView& p = given.positions;
  if (!p) {
    if (axes > 1)
      reject("positions are absent, expected (..., seq, " + std::to_string(axes) +
             ") for the plan's axes");
    const double first = static_cast<double>(given.start),
                 last = first + static_cast<double>(tokens - 1);
    if (std::abs(first) > limit || std::abs(last) > limit)
      reject("offsets reach beyond 2^53, expected positions within");
    result.start = first;
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
      if (!(std::abs(position) <= limit)) {
        reject("positions has the value " + std::to_string(position) +
               ", expected finite values of at most 2^53");
      }
    }
    return true;
  });
  return result;
}

// An operand's batch axes, split into those along which positions change and those that share them.
class Split {
 public:
  Split(const Operand& operand, const Layout& positions)
      : by_position_(make(operand, positions, true)), shared_(make(operand, positions, false)) {}

  const Batch<2>& by_position() const { return by_position_; }
  const Batch<2>& shared() const { return shared_; }

 private:
  static Batch<2> make(const Operand& operand, const Layout& positions, bool changing) {
    const Layout on = broadcast_to(positions, operand.batch_shape, kFunction, "positions");
    Layout shape, x, out;
    for (int axis = 0; axis < on.rank; ++axis) {
      const int own = axis - (on.rank - positions.rank);
      const bool changes = own >= 0 && positions.shape[own] > 1;
      if (changes != changing) continue;
      shape.append(on.shape[axis], 0);
      x.append(on.shape[axis], operand.x_batch.strides[axis]);
      out.append(on.shape[axis], operand.out_batch.strides[axis]);
    }
    return Batch<2>(shape, {x, out});
  }

  Batch<2> by_position_, shared_;
};

template <class T>
RopeKernel<T> rope_kernel() noexcept;
template <>
RopeKernel<float> rope_kernel<float>() noexcept {
  return kernels().rope_f32;
}
template <>
RopeKernel<double> rope_kernel<double>() noexcept {
  return kernels().rope_f64;
}
template <>
RopeKernel<float16> rope_kernel<float16>() noexcept {
  return kernels().rope_f16;
}
template <>
RopeKernel<bfloat16> rope_kernel<bfloat16>() noexcept {
  return kernels().rope_bf16;
}

void make_table(const RopeTableRun<float>& run) noexcept {
  kernels().rope_table_f32(run);
}
void make_table(const RopeTableRun<double>& run) noexcept {
  kernels().rope_table_f64(run);
}

// The residual rows of a plan: the calling thread keeps those of its last plan, as the layers of a
// model share one.
const double* residuals_of(const RopePlan& plan) {
  struct Kept {
    std::vector<double> inv_freq, rows;
  };
  static thread_local Kept kept;
  if (kept.inv_freq != plan.inv_freq) {
    const std::size_t pairs = plan.inv_freq.size();
    kept.inv_freq.clear();
    kept.rows.resize(2 * kResiduals * pairs);
    kernels().rope_residuals(plan.inv_freq.data(), static_cast<Index>(pairs), kept.rows.data());
    kept.inv_freq = plan.inv_freq;
  }
  return kept.rows.data();
}

// Turns the rows of tokens [first, last) of the shared items [begin, end) by the block's table.
template <class T, class C>
void turn(const Operand& operand, const Split& split, const RopePlan& plan, const C* table,
          Index position_item, Index first, Index last, Index begin, Index end, bool stream) {
  Batch<2>::Offsets base;
  split.by_position().locate(position_item, base);
  const Index pairs = static_cast<Index>(plan.inv_freq.size());
  const Batch<2>& shared = split.shared();
  shared.for_runs(begin, end, [&](Index, Index count, const Index* offsets) {
    const Index item_stride = shared.inner_stride(0);
    // The smaller step innermost: rows in the order of memory.
    const bool tokens_inside = std::abs(operand.x_token) <= std::abs(item_stride) || count == 1;
    const int token_loop = tokens_inside ? 1 : 0, item_loop = 1 - token_loop;
    RopeRun<T, C> run{};
    run.x = operand.x.as<T>() + base[0] + offsets[0] + first * operand.x_token;
    run.out = operand.out.as<T>() + base[1] + offsets[1] + first * operand.out_token;
    run.table = table;
    run.count[token_loop] = last - first;
    run.x_stride[token_loop] = operand.x_token;
    run.out_stride[token_loop] = operand.out_token;
    run.table_stride[token_loop] = 2 * pairs;
    run.count[item_loop] = count;
    run.x_stride[item_loop] = item_stride;
    run.out_stride[item_loop] = shared.inner_stride(1);
    run.pairs = pairs;
    run.offset = plan.rotary_offset;
    run.dim = operand.dim;
    run.interleaved = plan.layout == PairLayout::interleaved;
    run.stream = stream;
    rope_kernel<T>()(run);
    return true;
  });
}

template <class T>
void apply(const RopePlan& plan, const Tokens& tokens, RopeMode mode, const Operand* operands,
           const Split* splits, int n_operands) {
  using C = typename RopeCompute<T>::type;
  const Index pairs = static_cast<Index>(plan.inv_freq.size());
  const Index n_tokens = operands[0].tokens;
  const Batch<1> position_items(tokens.batch, {tokens.batch});
  double bytes = 0;
  bool stream[2] = {};
  for (int i = 0; i < n_operands; ++i) {
    const View& out = operands[i].out;
    const Index size = out.size() * size_of(out.dtype);
    bytes += 2.0 * static_cast<double>(size);
    stream[i] = size >= kStreamBytes && !same_elements(out, operands[i].x);
  }
  if (bytes == 0) return;

  const int threads = threads_for(bytes);
  const Index row_bytes = 2 * pairs * static_cast<Index>(sizeof(C));
  Index blocks = std::max<Index>(1, n_tokens * row_bytes / kTableBytes);
  const Index wanted = (threads + position_items.size() - 1) / position_items.size();
  if (n_tokens >= 8 * wanted) blocks = std::max(blocks, wanted);
  blocks = std::min(blocks, n_tokens);
  const Index block = (n_tokens + blocks - 1) / blocks;
  // Too few blocks of tokens for the threads: the heads are shared out as well, and each share
  // makes the table again.
  const Index units = position_items.size() * blocks;
  const Index shares = std::max<Index>(1, threads / units);

  const double factor = plan.attention_factor;
  const bool inverts = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
  const bool backwards = mode == RopeMode::inverse || mode == RopeMode::transpose;
  const double scale = inverts ? 1.0 / factor : factor;
  const double* residuals = nullptr;
  if constexpr (std::is_same_v<C, float>) {
    if (plan.n_axes() == 1) residuals = residuals_of(plan);
  }
  const Index phase_bytes = 2 * pairs * static_cast<Index>(sizeof(double));
  const Workspace workspace(threads, phase_bytes + block * row_bytes);
  parallel_for(units * shares, threads, [&](Index unit_begin, Index unit_end, int thread) {
    double* phases = workspace.of<double>(thread);
    C* table = reinterpret_cast<C*>(phases + 2 * pairs);
    for (Index unit = unit_begin; unit < unit_end; ++unit) {
      const Index share = unit % shares;
      const Index first = unit / shares % blocks * block;
      const Index last = std::min(n_tokens, first + block);
      const Index item = unit / shares / blocks;
      if (first >= last) continue;
      Batch<1>::Offsets offset;
      position_items.locate(item, offset);
      RopeTableRun<C> run{};
      if (tokens.data != nullptr)
        run.positions = tokens.data + offset[0] + first * tokens.token_stride;
      run.token_stride = tokens.token_stride;
      run.axis_stride = tokens.axis_stride;
      run.start = tokens.start + static_cast<double>(first);
      run.count = last - first;
      run.pairs = pairs;
      run.inv_freq = plan.inv_freq.data();
      run.axis = plan.n_axes() > 1 ? plan.axis.data() : nullptr;
      run.residuals = residuals;
      run.scratch = phases;
      run.cos_scale = scale;
      run.sin_scale = backwards ? -scale : scale;
      run.table = table;
      make_table(run);
      for (int i = 0; i < n_operands; ++i) {
        const Index size = splits[i].shared().size();
        turn<T, C>(operands[i], splits[i], plan, table, item, first, last, size * share / shares,
                   size * (share + 1) / shares, stream[i]);
      }
    }
  });
}

void apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode,
           const Operand* operands, int n_operands) {
  const Tokens tokens = require_positions(plan, positions, operands[0].tokens);
  const Split splits[2] = {Split(operands[0], tokens.batch),
                           Split(operands[n_operands - 1], tokens.batch)};
  switch (operands[0].x.dtype) {
    case Dtype::float32:
      return apply<float>(plan, tokens, mode, operands, splits, n_operands);
    case Dtype::float64:
      return apply<double>(plan, tokens, mode, operands, splits, n_operands);
    case Dtype::float16:
      return apply<float16>(plan, tokens, mode, operands, splits, n_operands);
    case Dtype::bfloat16:
      return apply<bfloat16>(plan, tokens, mode, operands, splits, n_operands);
  }
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

void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, int seq_axis,
                const ConstView& x, const View& out) {
  require_plan(plan, mode);
  const Operand only = operand(plan, seq_axis, x, out, "q", "out");
  apply(plan, positions, mode, &only, 1);
}

void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode, int seq_axis,
                const ConstView& q, const ConstView& k, const View& q_out, const View& k_out) {
  require_plan(plan, mode);
  const Operand both[2] = {operand(plan, seq_axis, q, q_out, "q", "the output of q"),
                           operand(plan, seq_axis, k, k_out, "k", "the output of k")};
  if (!groups(both[0], both[1]) || q.dtype != k.dtype) {
    reject("k has shape " + shape_text(k) +
           ", expected the dtype, tokens, width and batch axes of q " + shape_text(q) +
           ", where the number of heads may be a divisor");
  }
  require_disjoint(q_out, k_out, false, kFunction, "the output of q", "the output of k");
  require_disjoint(q_out, k, false, kFunction, "the output of q", "k");
  require_disjoint(k_out, q, false, kFunction, "the output of k", "q");
  apply(plan, positions, mode, both, 2);
}

}  // namespace isokern

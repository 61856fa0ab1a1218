// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rotary embedding by given cosines and sines: checks, and their rows as a source of rotations.
#include <cmath>
#include <string>
#include <utility>

#include "isokern/rope.hpp"
#include "rope_turn.hpp"

namespace isokern {
namespace {

// Rows given by the caller: used where they lie, or gathered and negated in scratch.
template <class C>
class GivenRows {
 public:
  // Of one shape and checked: cos and sin are (..., seq, P), or (n, P) with `rows` (..., seq).
  GivenRows(const RopeTable& table, bool negate)
      : table_(table),
        negate_(negate),
        pairs_(table.cos.shape[table.cos.rank - 1]),
        cos_token_(table.cos.strides[table.cos.rank - 2]),
        sin_token_(table.sin.strides[table.sin.rank - 2]),
        batch_(table.rows ? leading_axes(table.rows, table.rows.rank - 1)
                          : leading_axes(table.cos, table.cos.rank - 2)),
        items_(batch_, {batch_, table.rows ? batch_ : leading_axes(table.sin, table.sin.rank - 2)}),
        copies_(negate || table.rows || cos_token_ != sin_token_) {}

  const Layout& batch() const { return batch_; }
  Index pairs() const { return pairs_; }
  Index row_bytes() const { return 2 * pairs_ * static_cast<Index>(sizeof(C)); }
  Index scratch_bytes(Index block) const { return copies_ ? block * row_bytes() : 0; }
  bool per_operand() const { return false; }

  Rows<C> rows(Index item, Index first, Index last, int, std::byte* scratch) const {
    Batch<2>::Offsets offset;
    items_.locate(item, offset);
    const C *cos = table_.cos.as<C>(), *sin = table_.sin.as<C>();
    const double* which = nullptr;
    Index which_token = 0;
    if (table_.rows) {
      which = table_.rows.as<double>() + offset[0];
      which_token = table_.rows.strides[table_.rows.rank - 1];
    } else {
      cos += offset[0];
      sin += offset[1];
    }
    if (!copies_) return {cos + first * cos_token_, sin + first * sin_token_, cos_token_};
    C* const made = reinterpret_cast<C*>(scratch);
    C* out = made;
    for (Index token = first; token < last; ++token, out += 2 * pairs_) {
      const Index row = which == nullptr ? token : static_cast<Index>(which[token * which_token]);
      const C *c = cos + row * cos_token_, *s = sin + row * sin_token_;
      for (Index j = 0; j < pairs_; ++j) {
        out[j] = c[j];
        out[pairs_ + j] = negate_ ? -s[j] : s[j];
      }
    }
    return {made, made + pairs_, 2 * pairs_};
  }

 private:
  const RopeTable& table_;
  bool negate_;
  Index pairs_, cos_token_, sin_token_;
  Layout batch_;
  Batch<2> items_;
  bool copies_;
};

template <class T>
void apply(const RopeTable& table, bool transpose, const Slice& slice, const Operand* operands,
           const Split* splits, int n_operands) {
  const GivenRows<typename RopeCompute<T>::type> rows(table, transpose);
  turn_all<T>(rows, slice, operands, splits, n_operands);
}

void swap_axes(Layout& layout, int one, int other) {
  std::swap(layout.shape[one], layout.shape[other]);
  std::swap(layout.strides[one], layout.strides[other]);
}

// The slice that a table turns, once all of it is right for so many tokens of `dtype`.
Slice require_table(const RopeTable& table, Dtype dtype, Index tokens) {
  const ConstView &cos = table.cos, &sin = table.sin, &rows = table.rows;
  const Dtype wanted = dtype == Dtype::float64 ? Dtype::float64 : Dtype::float32;
  require_dtype(kRopeApply, {"cos", cos}, wanted);
  require_dtype(kRopeApply, {"sin", sin}, wanted);
  bool same = cos.rank == sin.rank && cos.rank >= 2 && (!rows || cos.rank == 2);
  for (int axis = 0; same && axis < cos.rank; ++axis) same = cos.shape[axis] == sin.shape[axis];
  if (!same || cos.shape[cos.rank - 1] < 1) {
    reject_apply("cos has shape " + shape_text(cos) + " and sin " + shape_text(sin) +
                 ", expected one shape " + (rows ? "(n, P)" : "(..., seq, P)"));
  }
  require_rows(kRopeApply, {"cos", cos}, cos.shape[cos.rank - 1], wanted);
  require_rows(kRopeApply, {"sin", sin}, cos.shape[cos.rank - 1], wanted);
  const Index have = cos.shape[cos.rank - 2];
  if (!rows && have != tokens) {
    reject_apply("cos has shape " + shape_text(cos) + ", expected " + std::to_string(tokens) +
                 " rows, one for each token");
  }
  if (rows) {
    if (rows.dtype != Dtype::float64 || rows.rank < 1 || rows.shape[rows.rank - 1] != tokens)
      reject_apply("positions has shape " + shape_text(rows) + ", expected (..., " +
                   std::to_string(tokens) + ")");
    const Batch<1> all(rows, {rows});
    all.for_runs(0, all.size(), [&](Index, Index count, const Index* offset) {
      for (Index i = 0; i < count; ++i) {
        const double row = rows.as<double>()[offset[0] + i * all.inner_stride(0)];
        if (!(row >= 0 && row < static_cast<double>(have) && row == std::floor(row))) {
          reject_apply("positions has the value " + std::to_string(row) +
                       ", expected an integer from 0 to " + std::to_string(have - 1) +
                       ", a row of the table");
        }
      }
      return true;
    });
  }
  return {cos.shape[cos.rank - 1], table.rotary_offset, table.layout == PairLayout::interleaved};
}

void apply_table(RopeTable table, bool transpose, const Slice& slice, Operand* operands,
                 int n_operands) {
  Layout batch = table.rows ? leading_axes(table.rows, table.rows.rank - 1)
                            : leading_axes(table.cos, table.cos.rank - 2);
  require_fit(operands, n_operands, batch);
  const int axis = axis_in_place_of_tokens(batch, operands[0].tokens, 1);
  if (axis >= 0) {
    for (int i = 0; i < n_operands; ++i) use_as_tokens(axis, batch, operands[i]);
    if (table.rows) {
      swap_axes(table.rows, axis, table.rows.rank - 1);
    } else {
      swap_axes(table.cos, axis, table.cos.rank - 2);
      swap_axes(table.sin, axis, table.sin.rank - 2);
    }
    batch.shape[axis] = 1;
  }
  const Split splits[2] = {Split(operands[0], batch), Split(operands[n_operands - 1], batch)};
  for_dtype(operands[0].x.dtype, [&](auto type) {
    apply<decltype(type)>(table, transpose, slice, operands, splits, n_operands);
  });
}

}  // namespace

void rope_apply_table(const RopeTable& table, bool transpose, int seq_axis, const ConstView& x,
                      const View& out) {
  const Slice slice = require_table(table, x.dtype, split_axes(seq_axis, x, x, "q").tokens);
  Operand only = require_operand(slice, seq_axis, x, out, "q", "out");
  require_apart(table.rows, out, "out");
  require_apart(table.cos, out, "out", "cos");
  require_apart(table.sin, out, "out", "sin");
  apply_table(table, transpose, slice, &only, 1);
}

void rope_apply_table(const RopeTable& table, bool transpose, int seq_axis, const ConstView& q,
                      const ConstView& k, const View& q_out, const View& k_out) {
  const Slice slice = require_table(table, q.dtype, split_axes(seq_axis, q, q, "q").tokens);
  Operand both[2] = {require_operand(slice, seq_axis, q, q_out, "q", "the output of q"),
                     require_operand(slice, seq_axis, k, k_out, "k", "the output of k")};
  require_pair(both, q_out, k_out);
  for (const View* out : {&q_out, &k_out}) {
    const char* name = out == &q_out ? "the output of q" : "the output of k";
    require_apart(table.rows, *out, name);
    require_apart(table.cos, *out, name, "cos");
    require_apart(table.sin, *out, name, "sin");
  }
  apply_table(table, transpose, slice, both, 2);
}

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rotary position embedding: each pair of coordinates of a token's vector is turned by position
// times frequency, so that inner products depend on differences of positions alone.
#pragma once

#include <cstdint>
#include <vector>

#include "config.hpp"
#include "views.hpp"

namespace isokern {

/// Which coordinates form pair j of P: (j, j + P), or (2j, 2j + 1).
enum class PairLayout { half, interleaved };

/// A rotary embedding as data: pair j is turned by positions[axis[j]] * inv_freq[j] and scaled by
/// attention_factor.
struct RopePlan {
  std::vector<double> inv_freq;   ///< P; in general terms x heads x P
  std::vector<std::int8_t> axis;  ///< terms x P; empty: term t follows axis t
  PairLayout layout = PairLayout::half;
  std::ptrdiff_t rotary_offset = 0;  ///< the first coordinate that takes part
  double attention_factor = 1.0;
  /// Mixed embeddings: an angle is the sum of so many products of position and frequency.
  std::ptrdiff_t terms = 1;
  /// Each head, the last batch axis of x, has frequencies of its own; one head stands for all.
  std::ptrdiff_t heads = 1;
  /// xPos: empty, or P numbers. Queries are multiplied by exp(log_scale[j] (p - centre)) at
  /// position p (of the first term), keys by its inverse.
  std::vector<double> log_scale;
  double centre = 0;

  ISOKERN_API int n_axes() const noexcept;
  std::ptrdiff_t pairs() const noexcept {
    const auto size = static_cast<std::ptrdiff_t>(inv_freq.size());
    return terms > 0 && heads > 0 ? size / terms / heads : 0;
  }
};

/// One axis, inv_freq[j] = base^(-2j / rotary_dim); rotary_dim 0 stands for dim.
ISOKERN_API RopePlan rope_plan(std::ptrdiff_t dim, double base = 10000.0,
                               PairLayout layout = PairLayout::half, std::ptrdiff_t rotary_dim = 0);

/// Several axes with the same frequencies base^(-2 axes i / dim), i = 0, 1, ...: pairs follow axis
/// 0, 1, ..., 0, 1, ... (`alternate`), or the first pairs axis 0, the next axis 1, and so on.
ISOKERN_API RopePlan rope_plan_axes(std::ptrdiff_t dim, int axes, double base = 10000.0,
                                    PairLayout layout = PairLayout::interleaved,
                                    bool alternate = true);

/// The plan that brings a key turned by `before` to where `after` would have turned it: the angle
/// is position times the difference of the frequencies, formed without rounding, the factor that of
/// `after` by that of `before`. Pairs, layout, heads and centre must be the same.
ISOKERN_API RopePlan rope_plan_between(const RopePlan& before, const RopePlan& after);

/// The positions of packed sequences, each beginning at 0, or at its own entry of `starts` where
/// that is not empty: cu_seqlens are the n + 1 bounds of n sequences, 0 first.
ISOKERN_API std::vector<double> rope_ragged_positions(const std::vector<std::int64_t>& cu_seqlens,
                                                      const std::vector<double>& starts = {});

/// What is computed with the plan's angles: R x, its inverse (negated angle, inverse factor), or
/// its transpose (negated angle, same factor), which is the vector-Jacobian product of the first;
/// inverse_transpose is that of the second.
enum class RopeMode { forward, inverse, transpose, inverse_transpose };

/// Position times frequency: `exact`, or with the roundings of frequency, position and product to
/// float32 that other libraries make.
enum class RopeAngles { exact, float32 };

/// Where the tokens are: at `start`, `start` + 1, ... along the sequence; or likewise from
/// `starts`, float64 of shape (...); or at `positions`, float64 of shape (..., seq), for plans of
/// several axes
/// (..., seq, axes). Batch axes broadcast against those of x.
struct RopePositions {
  std::int64_t start = 0;
  ConstView positions = {};
  ConstView starts = {};
  RopeAngles angles = RopeAngles::exact;
};

/// out = R x. x and out have shape (..., dim), of any of the four dtypes, with the sequence along
/// `seq_axis` (negative counts from the end; not the last). The angle is reduced in double-double
/// precision, cosine and sine are rounded once to float32 (float64 for float64 data), the result is
/// rounded once. Coordinates outside the rotary slice are copied. out may be exactly x, and must
/// otherwise overlap no input. Positions and frequencies must be finite and at most 2^53 in
/// absolute value: invalid_argument.
ISOKERN_API void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode,
                            int seq_axis, const ConstView& x, const View& out);

/// The same for queries and keys, with one table of cosines and sines for both. Keys have the
/// dtype, tokens and width of the queries, and batch axes that are equal or, as the heads of
/// grouped attention, divide theirs. The outputs must not overlap each other, nor the other's
/// input.
ISOKERN_API void rope_apply(const RopePlan& plan, const RopePositions& positions, RopeMode mode,
                            int seq_axis, const ConstView& q, const ConstView& k, const View& q_out,
                            const View& k_out);

/// The table itself: row [cosines | sines], 2P wide and times the attention factor, of each
/// position. out is float32 or float64 of shape (..., tokens, 2P), its batch axes those of the
/// positions (a mixed embedding: broadcast with its heads).
ISOKERN_API void rope_table(const RopePlan& plan, const RopePositions& positions, const View& out);

/// Cosines and sines made elsewhere, of shape (..., seq, P), in float32 (float64 for float64 data).
/// With `rows`, float64 of shape (..., seq), the table has shape (n, P) and token i takes row
/// rows[i], an integer below n: all are checked before any is used.
struct RopeTable {
  ConstView cos, sin;
  ConstView rows = {};
  PairLayout layout = PairLayout::half;
  std::ptrdiff_t rotary_offset = 0;
};

/// rope_apply with such a table; `transpose` negates the sines.
ISOKERN_API void rope_apply_table(const RopeTable& table, bool transpose, int seq_axis,
                                  const ConstView& x, const View& out);
ISOKERN_API void rope_apply_table(const RopeTable& table, bool transpose, int seq_axis,
                                  const ConstView& q, const ConstView& k, const View& q_out,
                                  const View& k_out);

/// The vector-Jacobian product of rope_apply (mode forward or inverse) in frequencies and
/// positions, for cotangents g of its result: float64, inv_freq_bar of the plan's inv_freq (its
/// shape is that of the plan's numbers in a row), positions_bar of the positions' shape (the
/// default ones: (seq); starts: (..., seq)). Summed over whatever shares a frequency or a position,
/// in an order that depends on the shapes alone. x and g as in rope_apply; k and g_k may be absent.
ISOKERN_API void rope_angle_vjp(const RopePlan& plan, const RopePositions& positions, RopeMode mode,
                                int seq_axis, const ConstView& g_q, const ConstView& q,
                                const ConstView& g_k, const ConstView& k, const View& inv_freq_bar,
                                const View& positions_bar);

}  // namespace isokern

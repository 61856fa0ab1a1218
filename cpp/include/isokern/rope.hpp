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
  std::vector<double> inv_freq;
  std::vector<std::int8_t> axis;  ///< empty: every pair follows axis 0
  PairLayout layout = PairLayout::half;
  std::ptrdiff_t rotary_offset = 0;  ///< the first coordinate that takes part
  double attention_factor = 1.0;

  ISOKERN_API int n_axes() const noexcept;
};

/// One axis, inv_freq[j] = base^(-2j / rotary_dim); rotary_dim 0 stands for dim.
ISOKERN_API RopePlan rope_plan(std::ptrdiff_t dim, double base = 10000.0,
                               PairLayout layout = PairLayout::half, std::ptrdiff_t rotary_dim = 0);

/// What is computed with the plan's angles: R x, its inverse (negated angle, inverse factor), or
/// its transpose (negated angle, same factor), which is the vector-Jacobian product of the first;
/// inverse_transpose is that of the second.
enum class RopeMode { forward, inverse, transpose, inverse_transpose };

/// Where the tokens are: at `start`, `start` + 1, ... along the sequence, or at `positions`. These
/// are float64 of shape (..., seq), for plans of several axes (..., seq, axes); their batch axes
/// broadcast against those of x.
struct RopePositions {
  std::int64_t start = 0;
  ConstView positions = {};
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

}  // namespace isokern

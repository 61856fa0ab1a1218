// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The batch of a rotary operand, seen from its positions.
#pragma once

#include "rope_arguments.hpp"

namespace isokern {

// An operand's batch axes, split into those along which positions change and those that share them.
class Split {
 public:
  Split(const Operand& operand, const Layout& positions)
      : by_position_(make(operand, positions, true)), shared_(make(operand, positions, false)) {}

  const Batch<2>& by_position() const { return by_position_; }
  const Batch<2>& shared() const { return shared_; }

 private:
  static Batch<2> make(const Operand& operand, const Layout& positions, bool changing) {
    const Layout on = broadcast_to(positions, operand.batch_shape, kRopeApply, "positions");
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

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Arguments that serve several items of a batch: the items that share theirs form a group.
#pragma once

#include "batch.hpp"

namespace isokern {

// The axes of a batch split in two: those along which the shared argument changes, and those along
// which it is repeated.
struct Groups {
  bool repeated[max_rank] = {};
  Layout shape;

  Groups(const Layout& all, const Layout& shared_shape) : shape(all) {
    for (int axis = 0; axis < all.rank; ++axis) {
      const int mine = axis - (all.rank - shared_shape.rank);
      repeated[axis] = all.shape[axis] != 1 && (mine < 0 || shared_shape.shape[mine] == 1);
    }
  }

  // The chosen axes of a layout that is broadcast to the whole shape.
  Layout choose(const Layout& layout, bool of_repeated) const {
    Layout chosen;
    for (int axis = 0; axis < shape.rank; ++axis) {
      if (repeated[axis] == of_repeated) chosen.append(shape.shape[axis], layout.strides[axis]);
    }
    return chosen;
  }
};

}  // namespace isokern

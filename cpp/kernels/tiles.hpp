// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// How a tile of a large matrix lies in memory: strips of as many columns as a register tile has,
// row after row. See tiles.cpp.
#pragma once

#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr Index kWidth = kTileVectors * kLanes<double>;
constexpr Index kStrip = kTileSize * kWidth;  // numbers of a strip
using V = Vector<double, kLanes<double>>;

static_assert(kTileSize % kWidth == 0 && kWidth % kTileRows == 0, "whole strips, whole groups");

ISOKERN_INLINE const double* strip_of(const double* tile, Index column) noexcept {
  return tile + column / kWidth * kStrip;
}
ISOKERN_INLINE double* strip_of(double* tile, Index column) noexcept {
  return tile + column / kWidth * kStrip;
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern

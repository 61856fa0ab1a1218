// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The one symbol that an instruction set exports: a constant, so that loading the library runs none
// of its code.
#include "entries.hpp"
#include "products.hpp"

namespace isokern {
namespace ISOKERN_ISA {

namespace {

template <class T>
constexpr ReflectorKernels<T> kReflectors = {
    kLanes<T>,
    kTileVectors * kLanes<T>,
    kUnit<T>,
    check_columns<T>,
    pack<T>,
    gram<T>,
    apply<T>,
    compact<T>,
    reflectors_vjp<T>,
    finish_reflectors_vjp<T>,
    pack_tangents<T>,
    reflectors_jvp<T>,
    qr<T>,
    copy_finite<T>,
};

template <class T>
constexpr ProjectionKernels<T> kProjection = {
    map_entries<T>,
    gather<T>,
    scatter<T>,
    take_sums<T>,
    give_sums<T>,
    sparse_rows<T, std::int32_t>,
    sparse_rows<T, std::int64_t>,
    kTileVectors * kLanes<T>,
    kTileRows,
    panel_product<T>,
    add_multiple<T>,
    hadamard_rows<T>,
    hadamard_columns<T>,
    srht_rows<T>,
};

template <class T>
constexpr MomentKernels<T> kMoments = {
    kTileVectors * kLanes<T>, kMomentRows,    packed_moments<T>, pack_moments<T, T>,
    pack_moments<float, T>,   add_moments<T>, merge_moments<T>,
};

}  // namespace

extern const KernelTable table;
const KernelTable table = {
    {kLanes<double>, kTileRows, kTileVectors * kLanes<double>, gaussian_pair, gaussian_matrix,
     gaussian_pack, gaussian_product, gaussian_bhattacharyya_row},
    {kTileVectors * kLanes<double>, kTileRows, load_tile, store_tile, take_columns, give_columns,
     subtract_tiles, solve_tile, factor_tile, turn_difference, squares_of_tile},
    {kLanes<double>, kRootPoleCount / kLanes<double> + 1, band_product, band_transpose, band_panel,
     band_traces},
    kMoments<float>,
    kMoments<double>,
    {plane<float>, plane_vjp<float>, reflect<float>, reflect_vjp<float>},
    {plane<double>, plane_vjp<double>, reflect<double>, reflect_vjp<double>},
    kReflectors<float>,
    kReflectors<double>,
    rope_levels,
    rope_table<float>,
    rope_table<double>,
    {rope<float>, rope_angles<float>},
    {rope<double>, rope_angles<double>},
    {rope<float16>, rope_angles<float16>},
    {rope<bfloat16>, rope_angles<bfloat16>},
    narrow<float16>,
    narrow<bfloat16>,
    widen<float16>,
    widen<bfloat16>,
    random_blocks,
    normals,
    kProjection<float>,
    kProjection<double>,
    {row_nonzeros, group_nonzeros},
};

}  // namespace ISOKERN_ISA
}  // namespace isokern

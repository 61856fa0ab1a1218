// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels of one instruction set, as table.cpp collects them.
#pragma once

#include "../src/table.hpp"
#include "isa.hpp"

namespace isokern {
namespace ISOKERN_ISA {

void gaussian_pair(const GaussianPairRun& run) noexcept;
void gaussian_wasserstein2(const GaussianPairRun& run) noexcept;
void gaussian_matrix(const GaussianMatrixRun& run) noexcept;
void gaussian_pack(const GaussianPackRun& run) noexcept;
void gaussian_product(const double* left, Index tiles, const double* right, Index panels,
                      Index depth, double* c) noexcept;
void gaussian_bhattacharyya_row(const GaussianRowRun& run) noexcept;
bool load_tile(const TileLoad& run) noexcept;
void store_tile(const TileStore& run) noexcept;
void take_columns(const TileColumns<const double>& run) noexcept;
void give_columns(const TileColumns<double>& run) noexcept;
void subtract_tiles(const TileProduct& run) noexcept;
void solve_tile(const double* corner, Index rows, Index columns, bool lower, double* c) noexcept;
bool factor_tile(double* c, Index rows) noexcept;
void turn_difference(double* to, const double* minus, Index rows, Index columns,
                     bool diagonal) noexcept;
double squares_of_tile(const double* tile, Index rows, Index columns, bool lower) noexcept;
void band_product(BandInto into, const double* a, bool transposed, const double* b,
                  double* c) noexcept;
void band_transpose(const double* from, double* to) noexcept;
void band_panel(double* a, Index rows, double* r, double* t, double* scratch) noexcept;
bool band_traces(BandTraces& run) noexcept;
template <class T>
Index packed_moments(Index d) noexcept;
template <class S, class T>
void pack_moments(const MomentPack<S, T>& run) noexcept;
template <class T>
void add_moments(const T* packed, Index rows, Index d, bool fresh, const Ahead& ahead,
                 T* sums) noexcept;
template <class T>
void merge_moments(const MomentMerge<T>& run) noexcept;
template <class T>
RunStatus plane(const PlaneRun<T>& run) noexcept;
template <class T>
RunStatus plane_vjp(const VjpRun<T>& run) noexcept;
template <class T>
RunStatus reflect(const ReflectRun<T>& run) noexcept;
template <class T>
RunStatus reflect_vjp(const VjpRun<T>& run) noexcept;
template <class T>
Failure check_columns(const PackRun<T>& run) noexcept;
template <class T>
Failure pack(const PackRun<T>& run) noexcept;
template <class T>
void gram(const ReflectorBlock<T>& block, Index begin, Index end) noexcept;
template <class T>
void apply(const ApplyRun<T>& run) noexcept;
template <class T>
void compact(const ReflectorBlock<T>& block, Index begin, Index end, T* scratch, T* t) noexcept;
template <class T>
void reflectors_vjp(const ReflectorVjpRun<T>& run) noexcept;
template <class T>
void finish_reflectors_vjp(const ReflectorFinishRun<T>& run) noexcept;
template <class T>
void pack_tangents(const PackTangentRun<T>& run) noexcept;
template <class T>
void reflectors_jvp(const ReflectorJvpRun<T>& run) noexcept;
template <class T>
void qr(const QrRun<T>& run) noexcept;
template <class T>
bool copy_finite(const T* from, Index from_stride, Index rows, Index columns, T* to,
                 Index to_stride) noexcept;
void rope_levels(const double* inv_freq, Index pairs, double* scratch, double* levels) noexcept;
template <class C>
void rope_table(const RopeTableRun<C>& run) noexcept;
template <class T>
void rope(const RopeRun<T, typename RopeCompute<T>::type>& run) noexcept;
template <class T>
void rope_angles(const RopeAngleRun<T, typename RopeCompute<T>::type>& run) noexcept;
template <class T>
void narrow(const float* x, Index n, T* out) noexcept;
template <class T>
void widen(const T* x, Index n, float* out) noexcept;
void random_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
                   std::uint32_t* out) noexcept;
void normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
             double* out) noexcept;
Index row_nonzeros(const MapSpec& map, Index row, Index first, Index count, Nonzero* out) noexcept;
void group_nonzeros(const MapSpec& map, Index group, Index first, Index count,
                    Nonzero* out) noexcept;
template <class T>
void map_entries(const MapSpec& map, Index row, Index first, Index count, T* out) noexcept;
template <class T>
void gather(const GatherRun<T>& run) noexcept;
template <class T>
void scatter(const ScatterRun<T>& run) noexcept;
template <class T>
void take_sums(const SumsRun<T>& run) noexcept;
template <class T>
void give_sums(const SumsRun<T>& run) noexcept;
template <class T, class I>
void sparse_rows(const SparseRowsRun<T, I>& run) noexcept;
template <class T>
void panel_product(const PanelProductRun<T>& run) noexcept;
template <class T>
void add_multiple(T a, const T* x, Index n, T* y) noexcept;
template <class T>
void hadamard_rows(const HadamardRun<T>& run) noexcept;
template <class T>
void hadamard_columns(const HadamardColumnsRun<T>& run) noexcept;
template <class T>
bool srht_rows(const SrhtRun<T>& run) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Dense maps on dense rows: some hundred inputs and outputs at a time, the entries between them are
// made by all threads, and multiply all rows while they lie in a cache. Memory for the map does not
// grow with it (haar, whose columns depend on one another, is formed for the time of the call).
#include "projection.hpp"

namespace isokern {
namespace {

// Inputs and outputs of a panel; inputs are a multiple of the sums that kernels add at a time.
constexpr Index kInputs = 1024, kOutputs = 1024, kRows = 128;

// Entries of a panel: strips of `width` outputs, each (inputs, width).
struct Place {
  Index inputs_first, inputs, outputs_first, outputs;
};

template <class T>
void fill_strips(const EntrySource<T>& source, bool adjoint, const Place& place, Index width,
                 Index begin, Index end, T* scratch, T* panels) noexcept {
  const Index first = begin * width, last = std::min(end * width, place.outputs);
  if (adjoint) {  // outputs are features
    for (Index i = 0; i < place.inputs; ++i) {
      source.row(place.inputs_first + i, place.outputs_first + first, last - first, scratch);
      for (Index o = first; o < last; ++o)
        panels[(o / width * place.inputs + i) * width + o % width] = scratch[o - first];
    }
  } else {
    for (Index o = first; o < last; ++o) {
      source.row(place.outputs_first + o, place.inputs_first, place.inputs, scratch);
      T* const to = panels + o / width * place.inputs * width + o % width;
      for (Index i = 0; i < place.inputs; ++i) to[i * width] = scratch[i];
    }
  }
  for (Index o = last; o < end * width; ++o) {
    for (Index i = 0; i < place.inputs; ++i)
      panels[(o / width * place.inputs + i) * width + o % width] = T(0);
  }
}

template <class T>
void multiply_panels(const Sketch& map, bool adjoint, const ConstView& x, const Features& inputs,
                     Index outputs, const View& out) {
  const EntrySource<T> source(map);
  const ProjectionKernels<T>& kernel = projection_kernels<T>();
  const Index width = kernel.strip_columns;
  const Index largest = round_up(std::min(kOutputs, outputs), width);
  const RowPairs pairs(x, out);
  const Index rows = pairs.items.size(), blocks = (rows + kRows - 1) / kRows;
  const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(outputs) *
                       static_cast<double>(inputs.count);
  const int threads = threads_for_flops(flops + 40.0 * static_cast<double>(outputs) *
                                                    static_cast<double>(inputs.count));
  const Index floats = static_cast<Index>(sizeof(T));
  const Workspace panels(1, kInputs * largest * floats);
  const Workspace scratch(threads, (kRows * (kInputs + width) + largest + kInputs) * floats);
  for (Index to = 0; to < outputs; to += largest) {
    const Index n = std::min(largest, outputs - to), strips = (n + width - 1) / width;
    // With few rows the threads share the outputs, too.
    const Index parts = std::min<Index>(strips, blocks >= 4 * threads ? 1 : threads);
    // Blocks end at multiples of kInputs of the map, so that a cut there changes no bit.
    for (Index from = 0; from < inputs.count;) {
      const Index at = inputs.first + from;
      const Index depth = std::min(inputs.count - from, kInputs - at % kInputs);
      const Place place{at, depth, to, n};
      parallel_for(strips, threads, [&](Index begin, Index end, int thread) {
        fill_strips(source, adjoint, place, width, begin, end, scratch.of<T>(thread),
                    panels.of<T>(0));
      });
      parallel_for(blocks * parts, threads, [&](Index begin, Index end, int thread) {
        for (Index task = begin; task < end; ++task) {
          const Index block = task / parts, part = task % parts;
          const Index strip = part * strips / parts, next = (part + 1) * strips / parts;
          const Index column = strip * width, columns = std::min(next * width, n) - column;
          pairs.items.for_runs(
              block * kRows, std::min(rows, (block + 1) * kRows),
              [&](Index, Index count, const auto& offsets) {
                kernel.product({x.as<T>() + offsets[0] + from, pairs.items.inner_stride(0), count,
                                depth, panels.of<T>(0) + strip * depth * width, columns,
                                out.as<T>() + offsets[1] + to + column, pairs.items.inner_stride(1),
                                inputs.add || from > 0, scratch.of<T>(thread)});
                return true;
              });
        }
      });
      from += depth;
    }
  }
}

}  // namespace

template <class T>
void apply_panels(const Sketch& map, const ConstView& x, const Features& features,
                  const View& out) {
  multiply_panels<T>(map, false, x, features, map.k(), out);
}

template <class T>
void adjoint_panels(const Sketch& map, const ConstView& y, const View& out) {
  multiply_panels<T>(map, true, y, {0, map.k(), false}, map.d(), out);
}

template void apply_panels<float>(const Sketch&, const ConstView&, const Features&, const View&);
template void apply_panels<double>(const Sketch&, const ConstView&, const Features&, const View&);
template void adjoint_panels<float>(const Sketch&, const ConstView&, const View&);
template void adjoint_panels<double>(const Sketch&, const ConstView&, const View&);

}  // namespace isokern

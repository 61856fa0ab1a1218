// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Gradients of the orthogonal maps: rows that share their pair (a, b) form a group, over which the
// gradients in a and b are summed.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "groups.hpp"
#include "isokern/orthogonal.hpp"
#include "matrices.hpp"
#include "orthogonal.hpp"
#include "reduce.hpp"

namespace isokern {
namespace {

// What a gradient call works on: g, x and x_bar row by row; two arguments with one gradient each
// pair by pair.
struct VjpCall {
  const char* function;
  ConstView g, x;
  View x_bar;
  ConstView first, second;
  View first_bar, second_bar;
  Layout pair_shape, shape;  // batch axes of the pairs, and of the rows
  Index d, width;            // length of a row, doubles in a pair's gradients
};

template <class T>
void narrow(const double* from, Index n, T* to) {
  for (Index i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
}

// kernel(run) -> RunStatus for some rows of a pair; width doubles in the sums of a pair, the first
// d of them of the first argument.
template <class T>
RunStatus run_vjp(const VjpCall& call, RunStatus (*kernel)(const VjpRun<T>&) noexcept,
                  PlaneMap map) {
  const char* f = call.function;
  const Groups groups(call.shape, call.pair_shape);
  const auto whole = [&](const Layout& own) { return broadcast_to(own, call.shape, f, "x"); };
  const Layout g = whole(batch_of(call.g)), x = whole(batch_of(call.x));
  const Layout x_bar = call.x_bar ? batch_of(call.x_bar) : whole({});
  // An absent argument has no axes, and stays where it is.
  const Layout first = whole(call.first), second = whole(call.second);
  const Layout first_bar = whole(call.first_bar);
  const Layout second_bar = whole(call.second_bar);
  const auto pair_axes = [&](const Layout& layout) { return groups.choose(layout, false); };
  const auto row_axes = [&](const Layout& layout) { return groups.choose(layout, true); };
  const Batch<7> pairs(pair_axes(call.shape),
                       {pair_axes(first), pair_axes(second), pair_axes(first_bar),
                        pair_axes(second_bar), pair_axes(g), pair_axes(x), pair_axes(x_bar)});
  const Batch<3> rows(row_axes(call.shape), {row_axes(g), row_axes(x), row_axes(x_bar)});

  const double bytes = static_cast<double>(pairs.size()) * static_cast<double>(rows.size()) *
                       static_cast<double>(call.d) * 3.0 * sizeof(T);
  const int threads = threads_for(bytes);
  const bool single = rows.size() == 1;
  Failures failures(threads);
  const auto at = [](auto* data, Index offset) { return data == nullptr ? data : data + offset; };
  const Index scratch_size = 5 * call.d;
  reduce_rows(
      pairs.size(), rows.size(), call.width, threads, scratch_size + call.width,
      [&](Index pair, Index begin, Index end, double* sum, double* scratch, int thread) {
        Batch<7>::Offsets p;
        pairs.locate(pair, p);
        double* part = scratch + scratch_size;
        if (!single) std::fill(sum, sum + call.width, 0.0);
        rows.for_runs(begin, end, [&](Index, Index count, const Index* r) {
          const VjpRun<T> run{at(call.first.as<T>(), p[0]),
                              at(call.second.as<T>(), p[1]),
                              call.g.as<T>() + p[4] + r[0],
                              call.x.as<T>() + p[5] + r[1],
                              at(call.x_bar.as<T>(), p[6] + r[2]),
                              single ? at(call.first_bar.as<T>(), p[2]) : nullptr,
                              single ? at(call.second_bar.as<T>(), p[3]) : nullptr,
                              part,
                              rows.inner_stride(0),
                              rows.inner_stride(1),
                              rows.inner_stride(2),
                              count,
                              call.d,
                              map,
                              scratch};
          failures.note(thread, pair, {0, kernel(run).failure});
          for (Index i = 0; !single && i < call.width; ++i) sum[i] += part[i];
          return true;
        });
      },
      [&](Index pair, const double* sum) {
        if (single) return;
        Batch<7>::Offsets p;
        pairs.locate(pair, p);
        narrow(sum, call.d, at(call.first_bar.as<T>(), p[2]));
        if (call.second_bar)
          narrow(sum + call.d, call.width - call.d, at(call.second_bar.as<T>(), p[3]));
      });
  return failures.first();
}

// The batch axes of an argument that has rows.
template <class AnyView>
AnyView batch_view(const AnyView& view) {
  return view ? AnyView(view.data, view.dtype, batch_of(view)) : view;
}

void between_vjp(const char* function, const ConstView& g, const ConstView& a, const ConstView& b,
                 const ConstView& x, PlaneMap map, OnError on_error, const View& a_bar,
                 const View& b_bar, const View& x_bar) {
  require_same_rows(function, {"x", x}, {{"cotangent", g}, {"a", a}, {"b", b}});
  const PairBatch pairs(function, a, b);
  VjpCall call{
      function, g,  x,  x_bar, batch_view(a), batch_view(b), batch_view(a_bar), batch_view(b_bar),
      {},       {}, {}, {}};
  call.d = x.shape[x.rank - 1];
  call.width = 2 * call.d;
  call.pair_shape = pairs.shape;
  call.shape = broadcast_shapes(pairs.shape, batch_of(x), function, "x");
  broadcast_to(batch_of(g), call.shape, function, "cotangent");
  require_output(function, "a_bar", a_bar, call.pair_shape, call.d, x.dtype);
  require_output(function, "b_bar", b_bar, call.pair_shape, call.d, x.dtype);
  if (x_bar) require_output(function, "x_bar", x_bar, call.shape, call.d, x.dtype);
  require_outputs_apart(function, {{"a_bar", a_bar}, {"b_bar", b_bar}, {"x_bar", x_bar}},
                        {{"cotangent", g}, {"a", a}, {"b", b}, {"x", x}});
  const RunStatus status = x.dtype == Dtype::float32
                               ? run_vjp<float>(call, kernels().orthogonal_f32.plane_vjp, map)
                               : run_vjp<double>(call, kernels().orthogonal_f64.plane_vjp, map);
  if (on_error != OnError::nan)
    throw_failure(function, status, pairs.shape, suspect("a", a), suspect("b", b));
}

// The rows of the identity, each of which the transposed map turned into a row of the matrix.
template <class T>
void matrix_vjp(const char* function, const ConstView& g, const ConstView& a, const ConstView& b,
                PlaneMap transposed, OnError on_error, const View& a_bar, const View& b_bar) {
  const Index d = a.shape[a.rank - 1];
  const Workspace workspace(1, d * d * static_cast<Index>(sizeof(T)));
  T* identity = workspace.of<T>(0);
  std::fill(identity, identity + d * d, T(0));
  for (Index i = 0; i < d; ++i) identity[i * d + i] = T(1);
  Layout a_rows = batch_of(a), b_rows = batch_of(b);
  for (Layout* layout : {&a_rows, &b_rows}) {
    layout->append(1, 0);
    layout->append(d, 1);
  }
  Layout a_bar_rows = batch_of(a_bar), b_bar_rows = batch_of(b_bar);
  for (Layout* layout : {&a_bar_rows, &b_bar_rows}) {
    layout->append(1, 0);
    layout->append(d, 1);
  }
  between_vjp(function, g, {a.data, a.dtype, a_rows}, {b.data, b.dtype, b_rows},
              ConstView(identity, {d, d}), transposed, on_error,
              {a_bar.data, a_bar.dtype, a_bar_rows}, {b_bar.data, b_bar.dtype, b_bar_rows}, {});
}

void matrix_vjp(const char* function, const ConstView& g, const ConstView& a, const ConstView& b,
                PlaneMap transposed, OnError on_error, const View& a_bar, const View& b_bar) {
  require_same_rows(function, {"a", a}, {{"b", b}, {"cotangent", g}});
  const Index d = a.shape[a.rank - 1];
  const PairBatch pairs(function, a, b);
  Layout rows = pairs.shape;
  rows.append(d, 0);
  broadcast_to(batch_of(g), rows, function, "cotangent");
  require_output(function, "a_bar", a_bar, pairs.shape, d, a.dtype);
  require_output(function, "b_bar", b_bar, pairs.shape, d, a.dtype);
  if (a.dtype == Dtype::float32) {
    matrix_vjp<float>(function, g, a, b, transposed, on_error, a_bar, b_bar);
  } else {
    matrix_vjp<double>(function, g, a, b, transposed, on_error, a_bar, b_bar);
  }
}

}  // namespace

void reflect_between_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                         const ConstView& x, OnError on_error, const View& a_bar, const View& b_bar,
                         const View& x_bar) {
  between_vjp("reflect_between_vjp", g, a, b, x, PlaneMap::reflection, on_error, a_bar, b_bar,
              x_bar);
}

void rotate_between_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                        const ConstView& x, bool transpose, OnError on_error, const View& a_bar,
                        const View& b_bar, const View& x_bar) {
  between_vjp("rotate_between_vjp", g, a, b, x,
              transpose ? PlaneMap::inverse_rotation : PlaneMap::rotation, on_error, a_bar, b_bar,
              x_bar);
}

void reflection_matrix_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                           OnError on_error, const View& a_bar, const View& b_bar) {
  matrix_vjp("reflection_matrix_vjp", g, a, b, PlaneMap::reflection, on_error, a_bar, b_bar);
}

void rotation_matrix_vjp(const ConstView& g, const ConstView& a, const ConstView& b,
                         OnError on_error, const View& a_bar, const View& b_bar) {
  matrix_vjp("rotation_matrix_vjp", g, a, b, PlaneMap::inverse_rotation, on_error, a_bar, b_bar);
}

void reflect_vjp(const ConstView& g, const ConstView& v, const ConstView& tau, const ConstView& x,
                 OnError on_error, const View& v_bar, const View& tau_bar, const View& x_bar) {
  constexpr const char* function = "reflect_vjp";
  require_same_rows(function, {"x", x}, {{"cotangent", g}, {"v", v}});
  require_tau(function, tau, x.dtype);
  VjpCall call{function, g,  x,  x_bar, batch_view(v), tau, batch_view(v_bar), tau_bar,
               {},       {}, {}, {}};
  call.d = x.shape[x.rank - 1];
  call.width = call.d + 1;
  call.pair_shape = broadcast_shapes(batch_of(v), tau, function, "tau");
  call.shape = broadcast_shapes(call.pair_shape, batch_of(x), function, "x");
  broadcast_to(batch_of(g), call.shape, function, "cotangent");
  require_output(function, "v_bar", v_bar, call.pair_shape, call.d, x.dtype);
  require_output(function, "x_bar", x_bar, call.shape, call.d, x.dtype);
  if (static_cast<bool>(tau) != static_cast<bool>(tau_bar)) {
    throw invalid_argument("reflect_vjp: tau_bar is " + std::string(tau_bar ? "given" : "absent") +
                           " while tau is " + (tau ? "given" : "absent") +
                           ", expected both or neither");
  }
  if (tau_bar) {
    require_dtype(function, {"tau_bar", tau_bar}, x.dtype);
    bool same = tau_bar.rank == call.pair_shape.rank;
    for (int axis = 0; same && axis < tau_bar.rank; ++axis)
      same = tau_bar.shape[axis] == call.pair_shape.shape[axis];
    if (!same) {
      throw invalid_argument("reflect_vjp: tau_bar has shape " + shape_text(tau_bar) +
                             ", expected " + shape_text(call.pair_shape));
    }
    require_writable(tau_bar, function, "tau_bar");
  }
  require_outputs_apart(function, {{"v_bar", v_bar}, {"tau_bar", tau_bar}, {"x_bar", x_bar}},
                        {{"cotangent", g}, {"v", v}, {"tau", tau}, {"x", x}});
  const RunStatus status =
      x.dtype == Dtype::float32
          ? run_vjp<float>(call, kernels().orthogonal_f32.reflect_vjp, PlaneMap::reflection)
          : run_vjp<double>(call, kernels().orthogonal_f64.reflect_vjp, PlaneMap::reflection);
  if (on_error != OnError::nan) {
    throw_failure(function, status, call.pair_shape, suspect("v", v), suspect_tau(tau));
  }
}

}  // namespace isokern

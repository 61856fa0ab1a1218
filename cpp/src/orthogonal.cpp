// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Orthogonal maps on rows: checks, threads, the call of the kernels.
#include "isokern/orthogonal.hpp"

#include <algorithm>

#include "orthogonal.hpp"
#include "parallel.hpp"

namespace isokern {
namespace {

// What a call on rows moves, in bytes.
template <class T>
double traffic(Index items, Index d, int arrays) {
  return static_cast<double>(items) * static_cast<double>(d) * arrays *
         static_cast<double>(sizeof(T));
}

// The arguments have been checked and are broadcast to `shape`. Without x and out: only look for
// failures.
template <class T>
RunStatus run_planes(const Layout& shape, const ConstView& a, const ConstView& b,
                     const ConstView& x, Index d, PlaneMap map, bool stream, const View& out) {
  const Batch<4> batch(shape, {a, b, x, out});
  const int threads = threads_for(traffic<T>(batch.size(), d, 4));
  const Workspace workspace(threads, 6 * d * static_cast<Index>(sizeof(double)));
  Failures failures(threads);
  parallel_for(batch.size(), threads, [&](Index begin, Index end, int thread) {
    batch.for_runs(begin, end, [&](Index first, Index count, const Index* offsets) {
      const PlaneRun<T> run{a.as<T>() + offsets[0],
                            b.as<T>() + offsets[1],
                            x.as<T>() + offsets[2],
                            out.as<T>() + offsets[3],
                            batch.inner_stride(0),
                            batch.inner_stride(1),
                            batch.inner_stride(2),
                            batch.inner_stride(3),
                            count,
                            d,
                            map,
                            stream,
                            workspace.of<double>(thread)};
      failures.note(thread, first, orthogonal_kernels<T>().plane(run));
      return true;
    });
  });
  return failures.first();
}

// Looks for failures among the pairs alone, before anything is written.
template <class T>
void check_pairs(const char* function, const ConstView& a, const ConstView& b, PlaneMap map) {
  const PairBatch pairs(function, a, b);
  const Layout still = broadcast_to({}, pairs.shape, function, "x");
  const RunStatus status = run_planes<T>(
      pairs.shape, {a.data, a.dtype, pairs.a}, {b.data, b.dtype, pairs.b},
      {nullptr, a.dtype, still}, a.shape[a.rank - 1], map, false, {nullptr, a.dtype, still});
  throw_failure(function, status, pairs.shape, suspect("a", a), suspect("b", b));
}

template <class T>
void between(const char* function, const ConstView& a, const ConstView& b, const ConstView& x,
             PlaneMap map, OnError on_error, const View& out) {
  const Index d = x.shape[x.rank - 1];
  const PairBatch pairs(function, a, b);
  const Layout shape = broadcast_shapes(pairs.shape, batch_of(x), function, "x");
  require_output(function, "out", out, shape, d, x.dtype);
  require_disjoint(out, a, false, function, "out", "a");
  require_disjoint(out, b, false, function, "out", "b");
  require_disjoint(out, x, true, function, "out", "x");
  if (out.size() == 0) return;
  if (on_error == OnError::raise) check_pairs<T>(function, a, b, map);
  const bool stream = !same_elements(out, x) && out.size() * size_of(out.dtype) >= kStreamBytes;
  const RunStatus status =
      run_planes<T>(shape, {a.data, a.dtype, broadcast_to(batch_of(a), shape, function, "a")},
                    {b.data, b.dtype, broadcast_to(batch_of(b), shape, function, "b")},
                    {x.data, x.dtype, broadcast_to(batch_of(x), shape, function, "x")}, d, map,
                    stream, {out.data, out.dtype, batch_of(out)});
  if (on_error != OnError::nan) {
    const RunStatus pair{item_within(status.item, shape, pairs.shape), status.failure};
    throw_failure(function, pair, pairs.shape, suspect("a", a), suspect("b", b));
  }
}

void between(const char* function, const ConstView& a, const ConstView& b, const ConstView& x,
             PlaneMap map, OnError on_error, const View& out) {
  require_same_rows(function, {"x", x}, {{"a", a}, {"b", b}});
  if (x.dtype == Dtype::float32) {
    between<float>(function, a, b, x, map, on_error, out);
  } else {
    between<double>(function, a, b, x, map, on_error, out);
  }
}

// Row i of T is T^T e_i: the identity is written and the transposed map applied to its rows in
// place.
template <class T>
void matrix(const char* function, const ConstView& a, const ConstView& b, PlaneMap transposed,
            OnError on_error, const View& out) {
  const Index d = a.shape[a.rank - 1];
  const PairBatch pairs(function, a, b);
  Layout shape = pairs.shape;
  shape.append(d, 0);
  require_output(function, "out", out, shape, d, a.dtype);
  require_disjoint(out, a, false, function, "out", "a");
  require_disjoint(out, b, false, function, "out", "b");
  if (out.size() == 0) return;
  if (on_error == OnError::raise) check_pairs<T>(function, a, b, transposed);
  const Layout rows = batch_of(out);
  const Batch<1> batch(rows, {rows});
  parallel_for(batch.size(), threads_for(traffic<T>(batch.size(), d, 1)),
               [&](Index begin, Index end, int) {
                 batch.for_runs(begin, end, [&](Index first, Index count, const Index* offsets) {
                   for (Index i = 0; i < count; ++i) {
                     T* row = out.as<T>() + offsets[0] + i * batch.inner_stride(0);
                     std::fill(row, row + d, T(0));
                     row[(first + i) % d] = T(1);
                   }
                   return true;
                 });
               });
  Layout a_rows = pairs.a, b_rows = pairs.b;
  a_rows.append(d, 0);
  b_rows.append(d, 0);
  const View in_place(out.data, out.dtype, rows);
  const RunStatus status =
      run_planes<T>(shape, {a.data, a.dtype, a_rows}, {b.data, b.dtype, b_rows}, in_place, d,
                    transposed, false, in_place);
  if (on_error != OnError::nan) {
    const RunStatus pair{status.item / d, status.failure};
    throw_failure(function, pair, pairs.shape, suspect("a", a), suspect("b", b));
  }
}

void matrix(const char* function, const ConstView& a, const ConstView& b, PlaneMap transposed,
            OnError on_error, const View& out) {
  require_same_rows(function, {"a", a}, {{"b", b}});
  if (a.dtype == Dtype::float32) {
    matrix<float>(function, a, b, transposed, on_error, out);
  } else {
    matrix<double>(function, a, b, transposed, on_error, out);
  }
}

template <class T>
void reflect_rows(const ConstView& v, const ConstView& tau, const ConstView& x, OnError on_error,
                  const View& out) {
  constexpr const char* function = "reflect";
  const Index d = x.shape[x.rank - 1];
  const Layout vector_shape = broadcast_shapes(batch_of(v), tau, function, "tau");
  const Layout shape = broadcast_shapes(vector_shape, batch_of(x), function, "x");
  require_output(function, "out", out, shape, d, x.dtype);
  require_disjoint(out, v, false, function, "out", "v");
  if (tau) require_disjoint(out, tau, false, function, "out", "tau");
  require_disjoint(out, x, true, function, "out", "x");
  const bool stream = !same_elements(out, x) && out.size() * size_of(out.dtype) >= kStreamBytes;

  const auto pass = [&](const Layout& over, bool write) {
    const Layout unused = broadcast_to({}, over, function, "x");
    const Batch<4> batch(over, {broadcast_to(batch_of(v), over, function, "v"),
                                broadcast_to(tau, over, function, "tau"),
                                write ? broadcast_to(batch_of(x), over, function, "x") : unused,
                                write ? batch_of(out) : unused});
    const int threads = threads_for(traffic<T>(batch.size(), d, write ? 3 : 1));
    const Workspace workspace(threads, 6 * d * static_cast<Index>(sizeof(double)));
    Failures failures(threads);
    parallel_for(batch.size(), threads, [&](Index begin, Index end, int thread) {
      batch.for_runs(begin, end, [&](Index first, Index count, const Index* offsets) {
        const ReflectRun<T> run{v.as<T>() + offsets[0],
                                tau ? tau.as<T>() + offsets[1] : nullptr,
                                x.as<T>() + offsets[2],
                                write ? out.as<T>() + offsets[3] : nullptr,
                                batch.inner_stride(0),
                                batch.inner_stride(1),
                                batch.inner_stride(2),
                                batch.inner_stride(3),
                                count,
                                d,
                                stream,
                                workspace.of<double>(thread)};
        failures.note(thread, first, orthogonal_kernels<T>().reflect(run));
        return true;
      });
    });
    if (on_error != OnError::nan)
      throw_failure(function, failures.first(), over, suspect("v", v), suspect_tau(tau));
  };
  if (out.size() == 0) return;
  if (on_error == OnError::raise) pass(vector_shape, false);
  pass(shape, true);
}

}  // namespace

void reflect_between(const ConstView& a, const ConstView& b, const ConstView& x, OnError on_error,
                     const View& out) {
  between("reflect_between", a, b, x, PlaneMap::reflection, on_error, out);
}

void rotate_between(const ConstView& a, const ConstView& b, const ConstView& x, bool transpose,
                    OnError on_error, const View& out) {
  between("rotate_between", a, b, x, transpose ? PlaneMap::inverse_rotation : PlaneMap::rotation,
          on_error, out);
}

void reflection_matrix(const ConstView& a, const ConstView& b, OnError on_error, const View& out) {
  matrix("reflection_matrix", a, b, PlaneMap::reflection, on_error, out);
}

void rotation_matrix(const ConstView& a, const ConstView& b, OnError on_error, const View& out) {
  matrix("rotation_matrix", a, b, PlaneMap::inverse_rotation, on_error, out);
}

void reflect(const ConstView& v, const ConstView& tau, const ConstView& x, OnError on_error,
             const View& out) {
  require_same_rows("reflect", {"x", x}, {{"v", v}});
  require_tau("reflect", tau, x.dtype);
  if (x.dtype == Dtype::float32) {
    reflect_rows<float>(v, tau, x, on_error, out);
  } else {
    reflect_rows<double>(v, tau, x, on_error, out);
  }
}

}  // namespace isokern

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Products of reflectors: what is refused, and how.
#include "matrices.hpp"

namespace {

using isokern::ConstView;
using isokern::OnError;
using isokern::Side;
using isokern::Storage;
using isokern::View;
using test::Array;
using test::Index;

}  // namespace

TEST_CASE_TEMPLATE("bad reflectors: nothing is written, or NaN for that item alone", T, float,
                   double) {
  constexpr Index items = 4, m = 70, k = 67, n = 3, bad = 2;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  for (T value : {T(0), nan, inf, -inf}) {
    for (Index where : {Index{0}, k - 1}) {  // in the first block, and in the last
      for (bool in_tau : {false, true}) {
        if (in_tau && value == T(0)) continue;
        for (bool given : {false, true}) {
          if ((in_tau && !given) || (given && value == T(0))) continue;
          Array<T> v({items, 1, m, k}, 1), tau({items, 1, k}), x({2, m, n});
          Array<T> out({items, 2, m, n}), t({items, 1, k, k});
          v.randomize(1);
          x.randomize(2);
          tau.fill(T(0.01));
          isokern::apply_reflectors(v, given ? tau.view() : ConstView(), x, Side::left, false,
                                    Storage::dense, OnError::raise, out.view());
          const std::vector<T> good = out.values();
          if (in_tau) {
            tau[bad * k + where] = value;
          } else {
            for (Index row = 0; row < m; ++row) v[(bad * m + row) * k + where] = value;
          }
          const ConstView factors = given ? tau.view() : ConstView();
          const char* name = in_tau ? "tau " : "v ";
          out.fill(T(7));
          t.fill(T(7));
          const auto apply = [&](OnError on_error) {
            isokern::apply_reflectors(v, factors, x, Side::left, false, Storage::dense, on_error,
                                      out.view());
          };
          CHECK_INVALID(apply(OnError::raise), "apply_reflectors", name, "(2, 0)");
          CHECK(out.all(T(7)));
          CHECK_INVALID(isokern::compact_wy(v, factors, Storage::dense, OnError::raise, t.view()),
                        "compact_wy", name, "(2, 0)");
          CHECK(t.all(T(7)));
          Array<T> q({items, 1, m, m});
          q.fill(T(7));
          CHECK_INVALID(isokern::form_q(v, factors, Storage::dense, OnError::raise, q.view()),
                        "form_q", name, "(2, 0)");
          CHECK(q.all(T(7)));
          CHECK_INVALID(apply(OnError::raise_after), "apply_reflectors", name, "(2, 0)");
          apply(OnError::nan);
          Index wrong = 0;
          for (Index i = 0; i < out.elements(); ++i) {
            const bool hit = i / (2 * m * n) == bad;
            if (hit ? !std::isnan(out[i]) : out[i] != good[test::size(i)]) ++wrong;
          }
          isokern::compact_wy(v, factors, Storage::dense, OnError::nan, t.view());
          for (Index i = 0; i < t.elements(); ++i) {
            if (std::isnan(t[i]) != (i / (k * k) == bad)) ++wrong;
          }
          isokern::form_q(v, factors, Storage::dense, OnError::nan, q.view());
          for (Index i = 0; i < q.elements(); ++i) {
            if (std::isnan(q[i]) != (i / (m * m) == bad)) ++wrong;
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("LAPACK's storage: only what is stored can be bad", T, float, double) {
  constexpr Index m = 70, k = 67;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  Array<T> v({m, k}), t({k, k});
  for (Index row = 0; row < m; ++row) {
    for (Index column = 0; column < k; ++column) v[row * k + column] = row <= column ? nan : T(0);
  }
  // Columns that are zero below their one.
  isokern::compact_wy(v, {}, Storage::lapack, OnError::raise, t.view());
  for (Index i = 0; i < k * k; ++i) CHECK(t[i] == (i % (k + 1) == 0 ? T(2) : T(0)));
  v[(m - 1) * k + k - 1] = nan;
  CHECK_INVALID(isokern::compact_wy(v, {}, Storage::lapack, OnError::raise, t.view()), "compact_wy",
                "v ", "()");
}

TEST_CASE("arguments that do not fit") {
  std::vector<double> memory(4000, 1.0), output(4000, 7.0);
  std::vector<float> single(4000, 1.0F);
  const double* p = memory.data();
  double* o = output.data();
  const auto apply = [&](const ConstView& v, const ConstView& tau, const ConstView& x, Side side,
                         Storage storage, const View& out) {
    isokern::apply_reflectors(v, tau, x, side, false, storage, OnError::raise, out);
  };
  const ConstView v(p, {5, 3}), x(p, {5, 4}), tau(p, {3}), none;
  const View out(o, {5, 4});
  constexpr auto left = Side::left, right = Side::right;
  constexpr auto dense = Storage::dense, lapack = Storage::lapack;
  const char* f = "apply_reflectors: ";
  const auto half = ConstView(static_cast<const void*>(p), isokern::Dtype::float16, {5, 3});
  CHECK_INVALID(apply(half, none, x, left, dense, out), f, "v ", "float16");
  CHECK_INVALID(apply({p, {5}}, none, x, left, dense, out), f, "v ", "(5,)");
  CHECK_INVALID(apply({p, {3, 5}}, none, {p, {3, 4}}, left, lapack, {o, {3, 4}}), f, "v ",
                "LAPACK");
  CHECK_INVALID(apply(v, {p, {2}}, x, left, dense, out), f, "tau ", "(2,)");
  CHECK_INVALID(apply(v, {p, {}}, x, left, dense, out), f, "tau ", "()");
  CHECK_INVALID(apply(v, {single.data(), {3}}, x, left, dense, out), f, "tau ", "float32");
  CHECK_INVALID(apply(v, none, {single.data(), {5, 4}}, left, dense, out), f, "x ", "float32");
  CHECK_INVALID(apply(v, none, {p, {4, 5}}, left, dense, {o, {4, 5}}), f, "x ", "(4, 5)", "rows");
  CHECK_INVALID(apply(v, none, x, right, dense, out), f, "x ", "(5, 4)", "columns");
  CHECK_INVALID(apply(v, none, {p, {5}}, left, dense, {o, {5}}), f, "x ", "(5,)");
  CHECK_INVALID(apply(v, none, x, left, dense, {o, {4, 5}}), f, "out ", "(4, 5)", "(5, 4)");
  CHECK_INVALID(apply(v, none, x, left, dense, {o, {1, 5, 4}}), f, "out ", "(5, 4)");
  CHECK_INVALID(apply({p, {2, 5, 3}}, none, {p, {3, 5, 4}}, left, dense, {o, {3, 5, 4}}), f, "x ",
                "(3,)");
  CHECK_INVALID(apply({p, {2, 5, 3}}, {p, {3, 3}}, x, left, dense, out), f, "tau ", "(3,)");
  isokern::Layout by_column;
  by_column.append(5, 1);
  by_column.append(4, 5);
  CHECK_INVALID(apply(v, none, {p, by_column}, left, dense, out), f, "x ", "strided");
  CHECK_INVALID(apply(v, none, x, left, dense, {o, by_column}), f, "out ", "strided");
  CHECK_INVALID(apply({o, {5, 3}}, none, x, left, dense, out), f, "out ", "overlaps v");
  CHECK_INVALID(apply(v, {o + 7, {3}}, x, left, dense, out), f, "out ", "overlaps tau");
  CHECK_INVALID(apply(v, none, {o + 1, {5, 4}}, left, dense, out), f, "out ", "overlaps x");
  isokern::Layout repeated;
  repeated.append(5, 0);
  repeated.append(4, 1);
  CHECK_INVALID(apply(v, none, x, left, dense, {o, repeated}), f, "out ", "overlaps itself");

  const auto compact = [&](const ConstView& tau_or_none, const View& to) {
    isokern::compact_wy(v, tau_or_none, dense, OnError::raise, to);
  };
  CHECK_INVALID(compact(none, {o, {5, 5}}), "compact_wy: ", "out ", "(3, 3)");
  CHECK_INVALID(compact({p, {2}}, {o, {3, 3}}), "compact_wy: ", "tau ");
  CHECK_INVALID(compact({o, {3}}, {o, {3, 3}}), "compact_wy: ", "out ", "overlaps tau");
  const auto form = [&](const View& to) { isokern::form_q(v, none, dense, OnError::raise, to); };
  CHECK_INVALID(form({o, {5, 6}}), "form_q: ", "out ", "at most 5");
  CHECK_INVALID(form({o, {4, 3}}), "form_q: ", "out ", "(5, 3)");
  CHECK_INVALID(form({o, {2, 5, 3}}), "form_q: ", "out ", "(5, 3)");
  CHECK(output == std::vector<double>(4000, 7.0));
}

TEST_CASE_TEMPLATE("derivatives of bad reflectors: NaN for that item alone", T, float, double) {
  constexpr Index items = 3, m = 70, k = 67, n = 4, bad = 1;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (bool in_tau : {false, true}) {
    Array<T> v({items, m, k}), tau({items, k}), x({items, m, n}), g({items, m, n});
    Array<T> v_bar({items, m, k}, 1), tau_bar({items, k}), x_bar({items, m, n}, 2);
    Array<T> y({items, m, n}, 1), y_dot({items, m, n}, 2);
    v.randomize(1);
    x.randomize(2);
    g.randomize(3);
    tau.fill(T(0.01));
    const auto run = [&](OnError on_error) {
      isokern::apply_reflectors_vjp(g, v, tau, x, Side::left, false, Storage::dense, on_error,
                                    v_bar.view(), tau_bar.view(), x_bar.view());
      isokern::apply_reflectors_jvp(v, tau, x, v, tau, g, Side::left, false, Storage::dense,
                                    on_error, y.view(), y_dot.view());
    };
    run(OnError::raise);
    const Array<T> good[] = {v_bar, tau_bar, x_bar, y, y_dot};
    if (in_tau) {
      tau[bad * k + k - 1] = nan;
    } else {
      v[bad * m * k + k - 1] = nan;
    }
    const char* name = in_tau ? "tau " : "v ";
    CHECK_INVALID(
        isokern::apply_reflectors_vjp(g, v, tau, x, Side::left, false, Storage::dense,
                                      OnError::raise, v_bar.view(), tau_bar.view(), x_bar.view()),
        "apply_reflectors_vjp: ", name, "(1,)");
    CHECK_INVALID(
        isokern::apply_reflectors_jvp(v, tau, x, v, tau, g, Side::left, false, Storage::dense,
                                      OnError::raise, y.view(), y_dot.view()),
        "apply_reflectors_jvp: ", name, "(1,)");
    run(OnError::nan);
    const Array<T>* got[] = {&v_bar, &tau_bar, &x_bar, &y, &y_dot};
    for (int output = 0; output < 5; ++output) {
      const Array<T>& one = *got[output];
      Index wrong = 0;
      for (Index i = 0; i < one.elements(); ++i) {
        const bool hit = i / (one.elements() / items) == bad;
        if (hit ? !std::isnan(one[i]) : one[i] != good[output][i]) ++wrong;
      }
      CAPTURE(output);
      CHECK(wrong == 0);
      CHECK(one.gaps_are_kept());
    }
  }
}

TEST_CASE("arguments of derivatives that do not fit") {
  std::vector<double> memory(1000, 1.0), output(1000, 7.0);
  std::vector<float> single(1000, 7.0F);
  const double* p = memory.data();
  double *o = output.data(), *second = o + 100, *third = o + 200;
  const ConstView v(p, {5, 3}), tau(p, {3}), x(p, {5, 4}), g(p, {5, 4}), none;
  const View v_bar(o, {5, 3}), tau_bar(second, {3}), x_bar(third, {5, 4}), absent;
  const auto vjp = [&](const ConstView& cotangent, const ConstView& operand, const ConstView& by,
                       const View& to_v, const View& to_tau, const View& to_x) {
    isokern::apply_reflectors_vjp(cotangent, v, by, operand, Side::left, false, Storage::dense,
                                  OnError::raise, to_v, to_tau, to_x);
  };
  const char* f = "apply_reflectors_vjp: ";
  CHECK_INVALID(vjp({p, {4, 5}}, x, none, v_bar, absent, x_bar), f, "cotangent ", "(4, 5)");
  CHECK_INVALID(vjp({single.data(), {5, 4}}, x, none, v_bar, absent, x_bar), f, "cotangent ",
                "float32");
  CHECK_INVALID(vjp(g, {p, {4, 4}}, none, v_bar, absent, x_bar), f, "x ", "(4, 4)");
  CHECK_INVALID(vjp(g, x, none, {o, {3, 5}}, absent, x_bar), f, "v_bar ", "(3, 5)", "(5, 3)");
  CHECK_INVALID(vjp(g, x, none, v_bar, tau_bar, x_bar), f, "tau_bar ", "given");
  CHECK_INVALID(vjp(g, x, tau, v_bar, absent, x_bar), f, "tau_bar ", "absent");
  CHECK_INVALID(vjp(g, x, tau, v_bar, {second, {4}}, x_bar), f, "tau_bar ", "(4,)", "(3,)");
  CHECK_INVALID(vjp(g, x, none, v_bar, absent, {third, {4, 5}}), f, "x_bar ", "(4, 5)");
  CHECK_INVALID(vjp(g, x, none, v_bar, absent, {o + 3, {5, 4}}), f, "x_bar ", "overlaps v_bar");
  CHECK_INVALID(vjp(g, {third, {5, 4}}, none, v_bar, absent, x_bar), f, "x_bar ", "overlaps x");
  CHECK_INVALID(vjp({o, {5, 4}}, x, none, v_bar, absent, x_bar), f, "v_bar ", "overlaps cotangent");
  CHECK_INVALID(vjp(g, x, tau, v_bar, {o + 1, {3}}, x_bar), f, "tau_bar ", "overlaps v_bar");

  const auto jvp = [&](const ConstView& by, const ConstView& v_dot, const ConstView& tau_dot,
                       const ConstView& x_dot, const View& y, const View& y_dot) {
    isokern::apply_reflectors_jvp(v, by, x, v_dot, tau_dot, x_dot, Side::left, false,
                                  Storage::dense, OnError::raise, y, y_dot);
  };
  const View y(o, {5, 4}), y_dot(second, {5, 4});
  f = "apply_reflectors_jvp: ";
  CHECK_INVALID(jvp(none, {p, {5, 4}}, none, x, y, y_dot), f, "v_dot ", "(5, 4)", "(5, 3)");
  CHECK_INVALID(jvp(none, v, none, {p, {5, 3}}, y, y_dot), f, "x_dot ", "(5, 3)", "(5, 4)");
  CHECK_INVALID(jvp(tau, v, {p, {4}}, x, y, y_dot), f, "tau_dot ", "(4,)", "(3,)");
  CHECK_INVALID(jvp(none, v, tau, x, y, y_dot), f, "tau_dot ");
  CHECK_INVALID(jvp(none, {single.data(), {5, 3}}, none, x, y, y_dot), f, "v_dot ", "float32");
  CHECK_INVALID(jvp(none, v, none, x, {o, {5, 3}}, y_dot), f, "y ", "(5, 3)");
  CHECK_INVALID(jvp(none, v, none, x, y, {second, {4, 5}}), f, "y_dot ", "(4, 5)");
  CHECK_INVALID(jvp(none, v, none, x, y, {o + 2, {5, 4}}), f, "y_dot ", "overlaps y");
  CHECK_INVALID(jvp(none, {o, {5, 3}}, none, x, y, y_dot), f, "y ", "overlaps v_dot");
  CHECK(output == std::vector<double>(1000, 7.0));
}

// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Measures of pairs in double, of every form. Variances of the form diag are checked on the way.
#pragma once

#include "gaussian_forms.hpp"

namespace isokern {

Items kl_of(Pair& pair);
Items renyi_of(Pair& pair, double alpha);
Items bhattacharyya_of(Pair& pair);
Items geometric_js_of(Pair& pair, double weight, bool dual);
Items wasserstein2_of(Pair& pair);
// Its square, in the mean of both covariances.
Items mahalanobis_of(Pair& pair);

// One of these, by its metric, and any metric from them.
Items basic(Metric metric, const MetricOptions& options, Pair& pair);
using Basic = Items (*)(Metric, const MetricOptions&, Pair&);
Items evaluate(Metric metric, const MetricOptions& options, Pair& pair, Basic base);
void require_options(const char* f, Metric metric, const MetricOptions& options);

// Squared distances of positive definite covariances, NaN where one is singular: computes these,
// and nearly equal ones again.
void complete_wasserstein2(const Pair& pair, Items& values);

// ln det S / 2 of each covariance.
Items half_log_dets(const char* f, const GivenCovariances& given, OnError on_error);
// delta^T S^-1 delta for the vectors `delta` of the batch, each in the covariance that serves it;
// `logs` become those of half_log_dets.
Items squares_in(const char* f, const GivenCovariances& given, const Items& delta, OnError on_error,
                 Items& logs);

// A measure by the kernels, of the means of the pair and covariances (d, d).
Items by_kernel(const Pair& pair, GaussianMeasure measure, Covariance form, const Items& cov1,
                const Items& cov2, double alpha, OnError on_error);

// Of (F, D).
Items kl_of_lowrank(const Pair& pair);
Items renyi_of_lowrank(const Pair& pair, double alpha);
Items mahalanobis_of_lowrank(const Pair& pair);
Items half_log_dets_of_lowrank(const char* f, const GivenCovariances& given, OnError on_error);
Items squares_in_lowrank(const char* f, const GivenCovariances& given, const Items& delta,
                         OnError on_error, Items& logs);

}  // namespace isokern

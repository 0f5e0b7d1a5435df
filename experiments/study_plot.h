#pragma once
// The picture of a study's stored figures: test errors of its runs side by side, and what their cosines
// with the settled estimate lack to 1 where a run has one; critical values over what they depend on.
#include "experiments/plot/figure.h"
#include "experiments/study.h"

namespace eqprop {

/// Named study-NAME; `skipped` says why a study without stored figures has none.
Figure study_plot(const Study& study);

}  // namespace eqprop

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/plot/figures.h"
#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

constexpr std::size_t kSamples = 4;
constexpr int kLongestTrace = 200;  // [sweeps] a trace costs sweeps^2 / 2

struct PhaseTrace {
  std::string name;
  double beta = 0;
  double tolerance = 0;
  std::vector<std::vector<double>> residual, potential;  // [sweep][sample]; sweep 0 is the start, which has no residual
  SettleReport stopped;                                  // what the run's own options do

  // potential above the least of the trace: what a log axis can show. a least value met once in passing has no level of its own there and
  // is shown at the least of the others; where the trace stays, it is 0
  double above(std::size_t sweep, std::size_t sample) const {
    double least = INFINITY, next = INFINITY;
    std::size_t met = 0;
    for (const auto& p : potential) least = std::min(least, p[sample]);
    for (const auto& p : potential) {
      if (p[sample] == least)
        ++met;
      else
        next = std::min(next, p[sample]);
    }
    const double value = potential[sweep][sample];
    return (value == least && met == 1 ? next : value) - least;
  }
};

const char* reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::tolerance:
      return "tolerance";
    case StopReason::noise_floor:
      return "noise_floor";
    case StopReason::budget:
      return "budget";
    case StopReason::diverged:
      break;
  }
  return "diverged";
}

// the first validation samples of different classes
std::vector<std::uint32_t> choose_samples(const Dataset& data) {
  std::vector<std::uint32_t> rows;
  std::vector<bool> seen(static_cast<std::size_t>(data.classes));
  for (std::uint32_t i = 0; i < data.size() && rows.size() < kSamples; ++i) {
    const auto label = static_cast<std::size_t>(data.labels[i]);
    if (seen[label]) continue;
    seen[label] = true;
    rows.push_back(i);
  }
  return rows;
}

std::vector<double> potentials(const Network<float>& network, const Boundary<float>& boundary, const State<float>& state,
                               const ReadPlace& place, Run& run) {
  const Eigen::RowVectorXd f = potential<float>({network, state, boundary, state.batch(), place, run});
  return {f.begin(), f.end()};
}

// the state after k = 1, 2, .. sweeps, each settled from the start: noise is named by its sweep, so these are the sweeps of one settle, and
// what a phase does at its end (an analog loop measures its states) never gets into the next sweep
PhaseTrace trace(const Network<float>& network, const Boundary<float>& boundary, const State<float>& start, const SettleOptions& options,
                 const ReadPlace& place, Run& run, State<float>& end) {
  PhaseTrace out;
  out.beta = boundary.beta;
  out.tolerance = options.tolerance;
  Workspace<float> workspace;
  end = start;
  out.stopped = settle(network, boundary, end, options, place, workspace, run);
  const int last = *std::max_element(out.stopped.sweeps.begin(), out.stopped.sweeps.end());
  const int sweeps = std::min(last + std::max(3, last / 4), kLongestTrace);
  SettleOptions fixed = options;
  fixed.tolerance = 0;
  fixed.noise_window = kLongestTrace + 1;  // no sweep reaches the test for the noise floor
  out.residual.emplace_back(place.samples.size(), NAN);
  out.potential.push_back(potentials(network, boundary, start, place, run));
  for (int k = 1; k <= sweeps; ++k) {
    fixed.budget = k;
    State<float> state = start;
    const SettleReport report = settle(network, boundary, state, fixed, place, workspace, run);
    out.residual.emplace_back(report.residual.begin(), report.residual.end());
    out.potential.push_back(potentials(network, boundary, state, place, run));
  }
  return out;
}

// the phases of a training step on these samples, as the trainer runs them, without learning and without a ledger
std::vector<PhaseTrace> traces(const Experiment& experiment, const Batch<float>& batch) {
  const Network<float>& network = experiment.network();
  const TrainOptions& options = experiment.config().train;
  Run run{experiment.config().seed, 1, nullptr, 0};
  ReadPlace place{{}, batch.ids};
  place.place.step = experiment.trainer().steps_done();
  place.place.phase = kPhaseInput;
  Matrix<float> drive(network.layer(1).size, batch.x.cols());
  drive_input<float>(network, batch.x, drive, place, run);
  Boundary<float> boundary{view(batch.x), view(drive), view(batch.y), 0};

  std::vector<PhaseTrace> out;
  State<float> free, nudged;
  place.place.phase = kPhaseFree;
  out.push_back(trace(network, boundary, network.rest(batch.x.cols()), options.free, place, run, free));
  out.back().name = "free";
  const PhasePlan plan = probing_plan(options.estimator, options.beta, run.seed, place.place.step);
  for (std::size_t k = 0; k < plan.size(); ++k) {
    if (plan[k].beta() == 0) continue;
    boundary.beta = plan[k].beta();
    place.place.phase = static_cast<PhaseId>(kPhaseFirstNudged + k);
    out.push_back(trace(network, boundary, free, options.nudged, place, run, nudged));
    out.back().name = phase_name(place.place.phase);
  }
  return out;
}

std::string csv(const std::vector<PhaseTrace>& phases, const Batch<float>& batch) {
  std::string text = "sample_id,label,phase,beta,sweep,residual,potential,stopped\n";
  for (std::size_t i = 0; i < batch.size(); ++i)
    for (const PhaseTrace& p : phases)
      for (std::size_t k = 0; k < p.residual.size(); ++k)
        text += fmt::format("{},{},{},{},{},{},{},{}\n", batch.ids[i], batch.labels[i], p.name, cell(p.beta), k, cell(p.residual[k][i]),
                            cell(p.potential[k][i]), k == p.stopped.sweeps[i] ? reason_name(p.stopped.reason[i]) : "");
  return text;
}

// the least positive and the largest of a quantity over all phases, for a log axis
template <class Quantity>
std::pair<double, double> extremes(const std::vector<PhaseTrace>& phases, Quantity quantity) {
  double low = INFINITY, high = 0;
  for (const PhaseTrace& p : phases) {
    for (std::size_t k = 0; k < p.residual.size(); ++k) {
      for (std::size_t i = 0; i < p.residual[k].size(); ++i) {
        const double v = quantity(p, k, i);
        if (!std::isfinite(v) || v <= 0) continue;
        low = std::min(low, v);
        high = std::max(high, v);
      }
    }
  }
  return high > 0 ? std::pair(low, high) : std::pair(1e-6, 1.0);
}

// datablock $p<phase>: sweep, then residual and potential of every sample; $s<phase>_<sample>: the sweep at which the run stops.
// a 0 has no place on a log axis: it is drawn at the lower edge
std::string data(const std::vector<PhaseTrace>& phases, double residual_edge, double potential_edge) {
  std::string text;
  for (std::size_t p = 0; p < phases.size(); ++p) {
    const PhaseTrace& trace = phases[p];
    const auto row = [&](std::size_t k) {
      const auto shown = [](double v, double edge) { return gnuplot_number(v < edge ? edge : v); };
      std::string line = std::to_string(k);
      for (std::size_t i = 0; i < trace.residual[k].size(); ++i)
        line += " " + shown(trace.residual[k][i], residual_edge) + " " + shown(trace.above(k, i), potential_edge);
      return line + "\n";
    };
    text += fmt::format("$p{} << EOD\n", p);
    for (std::size_t k = 0; k < trace.residual.size(); ++k) text += row(k);
    text += "EOD\n";
    for (std::size_t i = 0; i < trace.stopped.sweeps.size(); ++i)
      text += fmt::format("$s{}_{} << EOD\n{}EOD\n", p, i, row(std::min<std::size_t>(trace.stopped.sweeps[i], trace.residual.size() - 1)));
  }
  return text;
}

std::string panel(std::size_t p, std::size_t quantity, const Batch<float>& batch, const std::string& tolerance) {
  std::string text = "plot ";
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const char* colour = curve_colour(i);
    const std::size_t column = 2 + 2 * i + quantity;
    text += fmt::format(
        "$p{} using 1:{} with lines lw 1.6 lc rgb '{}' title 'label {}', $s{}_{} using 1:{} with points pt 7 ps 0.7 lc rgb '{}' notitle, "
        "\\\n  ",
        p, column, colour, batch.labels[i], p, i, column, colour);
  }
  text += "NaN with points pt 7 ps 0.7 lc rgb '#666666' title 'the run stops'";
  if (!tolerance.empty()) text += fmt::format(", {} with lines dt 2 lw 1.4 lc rgb '#000000' title 'tolerance'", tolerance);
  return text + "\nunset label 99\nset key off\nset ylabel ''\nset format y ''\n";
}

}  // namespace

Figure settle_figure(const RunState& state) {
  Figure figure;
  figure.name = "settle";
  const Experiment& experiment = *state.experiment;
  Batch<float> batch;
  batch.fill(experiment.validation(), choose_samples(experiment.validation()));
  const std::vector<PhaseTrace> phases = traces(experiment, batch);
  figure.csv = csv(phases, batch);
  const auto columns = static_cast<int>(phases.size());
  figure.width = 160 + 400 * columns;
  figure.height = 760;

  const auto phase_title = [](const PhaseTrace& p) {
    return p.beta == 0 ? std::string("free phase") : fmt::format("nudged phase, β = {}{:g}", p.beta < 0 ? "−" : "+", std::abs(p.beta));
  };
  const double tolerance = phases.front().tolerance;
  const auto [low, high] = extremes(phases, [](const PhaseTrace& p, std::size_t k, std::size_t i) { return p.residual[k][i]; });
  const auto [bottom, top] = extremes(phases, [](const PhaseTrace& p, std::size_t k, std::size_t i) { return p.above(k, i); });
  const double residual_edge = std::min(low, tolerance > 0 ? tolerance : low) / 2;
  figure.script = data(phases, residual_edge, bottom / 2);
  figure.script += begin_panels("Settling of validation samples with the trained weights", state.caption + "; a 0 lies on the lower edge",
                                2, columns, figure);
  figure.script += "set xlabel 'sweep'\nset key top right\nset logscale y\n";
  const auto row = [&](std::size_t quantity, const std::string& title, const char* label, double from, double to) {
    figure.script += fmt::format("set ylabel '{}'\nset format y '%g'\nset yrange [{:.8g}:{:.8g}]\n", label, from, to);
    for (std::size_t p = 0; p < phases.size(); ++p)
      figure.script += fmt::format("set title {}\nset xrange [0:{}]\n", gnuplot_text(title + ", " + phase_title(phases[p])),
                                   phases[p].residual.size() - 1) +
                       panel(p, quantity, batch, quantity == 0 && phases[p].tolerance > 0 ? gnuplot_number(phases[p].tolerance) : "");
  };
  row(0, "residual", "largest change of a unit [1]", residual_edge, 2 * high);
  row(1, "potential", "potential above its least [1]", bottom / 2, 2 * top);
  figure.script += end_panels();
  return figure;
}

}  // namespace eqprop

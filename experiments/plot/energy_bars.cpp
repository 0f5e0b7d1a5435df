#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/units.h"
#include "experiments/plot/figures.h"
#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

constexpr PriceLevel kLevels[] = {PriceLevel::min, PriceLevel::typical, PriceLevel::max};

// events that one reader thinks of together; all of a group belong to one boundary
struct EventGroup {
  const char* name;
  EnergyBoundary boundary;
  std::vector<Event> events;
  const char* colour;
};
const std::vector<EventGroup>& event_groups() {
  using enum EnergyBoundary;
  static const std::vector<EventGroup> groups = {
      {"cell reads", B0, {Event::cell_read}, colour::kBlue},
      {"lines", B0, {Event::wire_loss, Event::driver_loss}, "#5577aa"},
      {"pulses", B0, {Event::pulse_set, Event::pulse_reset, Event::half_select}, colour::kSky},
      {"DAC and ADC", B1, {Event::dac_set, Event::adc, Event::adc_clock}, colour::kVermilion},
      {"line drivers", B1, {Event::line_drive}, colour::kOrange},
      {"neurons", B1, {Event::neuron}, colour::kYellow},
      {"write circuits", B1, {Event::write_circuit, Event::verify_read}, colour::kPurple},
      {"digital adds", B2, {Event::digital_add, Event::accumulator}, colour::kGreen},
      {"buffers", B2, {Event::buffer_bit}, colour::kGrey},
      {"control", B2, {Event::control, Event::random_number}, "#444444"},
  };
  return groups;
}

using Levels = std::array<double, 3>;  // [J] min, typical, max

Levels joules_of(const EventGroup& group, const EnergyReport& report) {
  Levels out{};
  for (std::size_t level = 0; level < out.size(); ++level)
    for (const EnergySplit::Part& part : report.sample[level].parts)
      if (std::find(group.events.begin(), group.events.end(), part.event) != group.events.end()) out[level] += part.joule;
  return out;
}

struct Total {
  std::string side, rank;
  double batch = 0;  // of the GPU, 0 on the crossbar
  Levels joule{};
};

std::vector<Total> totals(const EnergyReport& report, const Prices& prices, const Config& config) {
  std::vector<Total> out;
  const auto crossbar = [&](const char* rank, double EnergySplit::*member) {
    out.push_back({"crossbar", rank, 0, {report.sample[0].*member, report.sample[1].*member, report.sample[2].*member}});
  };
  crossbar("B0", &EnergySplit::B0);
  crossbar("B1", &EnergySplit::B1);
  crossbar("B2", &EnergySplit::B2);
  for (const double batch : {1.0, report.best_batch.batch}) {
    GpuEnergy level[3];
    for (std::size_t i = 0; i < std::size(kLevels); ++i)
      level[i] = gpu_energy(prices.gpu, backprop_workload(config.layers, static_cast<int>(batch)), kLevels[i]);
    const auto gpu = [&](const char* rank, double GpuEnergy::*member) {
      out.push_back({"GPU", rank, batch, {level[0].*member, level[1].*member, level[2].*member}});
    };
    gpu("G0", &GpuEnergy::G0);
    gpu("G1", &GpuEnergy::G1);
    gpu("G2", &GpuEnergy::G2);
    if (report.best_batch.batch <= 1) break;
  }
  return out;
}

std::string csv(const EnergyReport& report, const std::vector<Total>& all) {
  std::string text = "side,rank,part,batch,joule_min,joule_typical,joule_max\n";
  for (const EventGroup& group : event_groups()) {
    const Levels j = joules_of(group, report);
    text += fmt::format("crossbar,{},{},,{},{},{}\n", boundary_name(group.boundary), group.name, cell(j[0]), cell(j[1]), cell(j[2]));
  }
  for (const Total& t : all)
    text += fmt::format("{},{},total,{},{},{},{}\n", t.side, t.rank, t.batch > 0 ? cell(t.batch) : "", cell(t.joule[0]), cell(t.joule[1]),
                        cell(t.joule[2]));
  return text;
}

std::string joule_text(double joule) {
  std::string text = format_quantity(joule, Unit::joule);
  if (const auto at = text.find(" u"); at != std::string::npos) text.replace(at, 2, " µ");
  return text;
}

// one bar per boundary, each the whole of its joules; a boundary that is not known has none
std::string shares_panel(const EnergyReport& report, std::string& blocks) {
  const double whole[] = {report.typical().B0, report.typical().B1, report.typical().B2};
  const auto bar = [&](std::size_t g, std::size_t b) {
    const EventGroup& group = event_groups()[g];
    return static_cast<std::size_t>(group.boundary) <= b ? 100 * joules_of(group, report)[1] / whole[b] : 0.0;
  };
  const std::size_t groups = event_groups().size();
  blocks += "$shares << EOD\n";
  for (std::size_t b = 0; b < 3; ++b) {
    if (!(whole[b] > 0)) continue;
    // cumulated, the innermost boundary at the bottom
    std::string line = std::to_string(b);
    double below = 0;
    for (std::size_t g = 0; g < groups; ++g) line += " " + gnuplot_number(below += bar(g, b));
    blocks += line + "\n";
  }
  blocks += "EOD\n";
  std::string text =
      "set title 'what a training sample pays for (typical prices)'\nset ylabel 'share of the energy [%]'\nset yrange [0:112]\nset ytics "
      "0,20,100\n"
      "set xrange [-0.5:5.4]\nset xtics ('B0' 0, 'B1' 1, 'B2' 2)\nset key at graph 1, graph 0.93 right top Left reverse samplen 1.2\n";
  for (std::size_t b = 0; b < 3; ++b)
    if (whole[b] > 0) text += fmt::format("set label {} {} at {}, 105 center font ',12'\n", b + 1, gnuplot_text(joule_text(whole[b])), b);
  text += "plot ";
  // from the top down: each box covers the one drawn before it
  for (std::size_t g = groups; g-- > 0;)
    text +=
        fmt::format("$shares using 1:{}:(0.7) with boxes fs solid 1 border lc rgb '#ffffff' fc rgb '{}' title '{}: {}'{}", g + 2,
                    event_groups()[g].colour, boundary_name(event_groups()[g].boundary), event_groups()[g].name, g > 0 ? ", \\\n  " : "\n");
  for (std::size_t b = 0; b < 3; ++b) text += fmt::format("unset label {}\n", b + 1);
  return text + "unset label 99\n";
}

std::string totals_panel(const std::vector<Total>& all, const std::string& gpu, std::string& blocks) {
  std::string text = fmt::format(
      "set title {}\nset ylabel 'energy per training sample'\nset yrange [*:*]\nset ytics auto\nset logscale y\nset format y '%.0s %cJ'\n"
      "set xrange [-0.6:2.6]\nset xtics ('B0 | G0' 0, 'B1 | G1' 1, 'B2 | G2' 2)\nunset key\nset key inside top left Left reverse samplen "
      "1.5\nset micro\n",
      gnuplot_text("equal ranks side by side"));
  const std::size_t series = all.size() / 3;
  static constexpr const char* kColours[] = {colour::kBlue, colour::kVermilion, colour::kOrange};
  static constexpr int kPoints[] = {7, 5, 9};
  std::string plot = "plot ";
  for (std::size_t s = 0; s < series; ++s) {
    blocks += fmt::format("$total{} << EOD\n", s);
    const double shift = 0.2 * (static_cast<double>(s) - 0.5 * static_cast<double>(series - 1));
    for (std::size_t b = 0; b < 3; ++b) {
      const Levels& j = all[3 * s + b].joule;
      blocks += fmt::format("{:.4g} {} {} {}\n", static_cast<double>(b) + shift, gnuplot_number(j[1]), gnuplot_number(j[0]),
                            gnuplot_number(j[2]));
    }
    blocks += "EOD\n";
    const std::string title = s == 0 ? "crossbar, B0 B1 B2" : fmt::format("{}, batch {:.0f}", gpu, all[3 * s].batch);
    plot += fmt::format("$total{} using 1:2:3:4 with yerrorbars pt {} ps 1.2 lw 1.8 lc rgb '{}' title {}{}", s, kPoints[s], kColours[s],
                        gnuplot_text(title), s + 1 < series ? ", \\\n  " : "\n");
  }
  return text + plot;
}

}  // namespace

Figure energy_figure(const EnergyReport& report, const Prices& prices, const Config& config, const std::string& caption) {
  Figure figure;
  figure.name = "energy";
  if (report.ideal) {
    figure.skipped = report.reason;
    return figure;
  }
  figure.width = 1060;
  figure.height = 520;
  const std::vector<Total> all = totals(report, prices, config);
  figure.csv = csv(report, all);
  std::string blocks;
  const std::string shares = shares_panel(report, blocks);
  const std::string ranks = totals_panel(all, report.gpu, blocks);
  figure.script =
      blocks + begin_panels(fmt::format("Energy per training sample (estimate, prices {})", report.prices),
                            caption + "; whiskers: least to largest price" + (report.reason.empty() ? "" : "; " + report.reason), 1, 2,
                            figure);
  figure.script += "unset grid\nset grid ytics lc rgb '#dddddd' lt 1 lw 0.7\n" + shares + ranks + end_panels();
  return figure;
}

}  // namespace eqprop

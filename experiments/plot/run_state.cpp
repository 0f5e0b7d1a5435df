#include "experiments/plot/run_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "eqprop/model/crossbar_coupling.h"
#include "experiments/train_run.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

// the number of "seed-7"
std::optional<std::uint32_t> seed_of(const std::string& name) {
  constexpr std::string_view kStart = "seed-";
  if (!name.starts_with(kStart)) return {};
  std::uint32_t seed = 0;
  const auto [end, error] = std::from_chars(name.data() + kStart.size(), name.data() + name.size(), seed);
  if (error != std::errc{} || end != name.data() + name.size()) return {};
  return seed;
}

fs::path clean(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool is_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "version.txt", ignored);
}

// the runs of `train --seeds`, by seed
std::vector<fs::path> seed_folders(const fs::path& folder) {
  std::vector<std::pair<std::uint32_t, fs::path>> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (const auto seed = seed_of(entry.path().filename().string()); seed && is_run(entry.path())) found.emplace_back(*seed, entry.path());
  std::sort(found.begin(), found.end());
  std::vector<fs::path> out;
  for (auto& [seed, path] : found) out.push_back(std::move(path));
  return out;
}

// runs/digits/seed-1 and runs/digits-seed1 are both "digits"
std::string name_of(const fs::path& folder, std::uint32_t seed) {
  const fs::path path = clean(folder);
  std::string name = path.filename().string();
  if (seed_of(name)) name = path.parent_path().filename().string();
  const std::string ending = fmt::format("-seed{}", seed);
  if (name.size() > ending.size() && name.ends_with(ending)) name.resize(name.size() - ending.size());
  return name;
}

std::string identity_without_seed(Config config) {
  config.seed = 0;
  return config_identity(config);
}

// tiles lie [line tile][column tile]; `block` picks what is to be put together, `rows` of them beside each other
template <class Matrix, class Pick>
Matrix assembled(const Array& array, Eigen::Index rows, Pick pick) {
  Matrix out(rows, array.inputs() + 1);
  Eigen::Index output = 0, line = 0;
  for (const Tile& tile : array.tiles()) {
    const Matrix& one = pick(tile);
    out.block(output, line, one.rows(), tile.lines()) = one;
    output += one.rows();
    if (output < rows) continue;
    output = 0;
    line += tile.lines();
  }
  return out;
}

CouplingState coupling_state(const Network<float>& network, int index) {
  const Coupling<float>& coupling = network.coupling(index);
  CouplingState state;
  state.name = fmt::format("layer {} ({}-{})", index + 1, coupling.inputs(), coupling.outputs());
  state.weights = coupling.read();
  const auto* crossbar = dynamic_cast<const CrossbarCoupling<float>*>(&coupling);
  if (crossbar == nullptr) return state;
  using Counts = DevicePlane::Counts;
  const Array& array = crossbar->array();
  const Eigen::Index outputs = array.outputs();
  // a reference column is one row for all outputs of its tile
  const Eigen::Index beside = array.has_reference() ? array.devices() / (array.inputs() + 1) - outputs : outputs;
  state.plus = assembled<Eigen::MatrixXf>(
      array, outputs, [](const Tile& t) -> const auto& { return t.plus.g; });
  state.minus = assembled<Eigen::MatrixXf>(
      array, beside, [](const Tile& t) -> const auto& { return t.minus.g; });
  state.plus_pulses = assembled<Counts>(
      array, outputs, [](const Tile& t) -> const auto& { return t.plus.pulses; });
  state.minus_pulses = assembled<Counts>(
      array, beside, [](const Tile& t) -> const auto& { return t.minus.pulses; });
  return state;
}

std::vector<CouplingState> coupling_states(const Network<float>& network) {
  std::vector<CouplingState> out;
  for (int c = 0; c < network.coupling_count(); ++c) out.push_back(coupling_state(network, c));
  return out;
}

}  // namespace

std::vector<RunGroup> find_runs(const std::vector<std::string>& folders) {
  std::vector<fs::path> paths, seen;
  for (const std::string& folder : folders) {
    const std::vector<fs::path> inside = is_run(folder) ? std::vector<fs::path>{} : seed_folders(folder);
    if (inside.empty()) paths.emplace_back(folder);
    paths.insert(paths.end(), inside.begin(), inside.end());
  }
  std::vector<RunGroup> groups;
  std::vector<std::string> identities;
  for (const fs::path& path : paths) {
    PlotRun run{path, read_run_config(path)};
    if (std::find(seen.begin(), seen.end(), clean(path)) != seen.end()) continue;
    seen.push_back(clean(path));
    const std::string identity = identity_without_seed(run.config);
    const auto at = static_cast<std::size_t>(std::find(identities.begin(), identities.end(), identity) - identities.begin());
    if (at == groups.size()) {
      identities.push_back(identity);
      groups.push_back({name_of(path, run.config.seed), {}});
    }
    groups[at].runs.push_back(std::move(run));
  }
  return groups;
}

std::string seeds_text(const RunGroup& group) {
  std::vector<std::uint32_t> seeds;
  for (const PlotRun& run : group.runs) seeds.push_back(run.config.seed);
  std::sort(seeds.begin(), seeds.end());
  if (seeds.size() == 1) return fmt::format("seed {}", seeds.front());
  const bool gapless =
      seeds.size() > 2 && seeds.back() - seeds.front() == seeds.size() - 1 && std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end();
  return gapless ? fmt::format("seeds {}..{}", seeds.front(), seeds.back()) : fmt::format("seeds {}", fmt::join(seeds, ", "));
}

std::string config_text_short(const std::string& name, const Config& config) {
  const std::string substrate =
      config.coupling == Substrate::ideal
          ? std::string("ideal couplings")
          : fmt::format("{}, {} loop", config.device, config.crossbar.loop == Loop::digital ? "digital" : "analog");
  return fmt::format("{} ({}, {})", name, layers_text(config), substrate);
}

RunState::RunState(const PlotRun& run, const Places& places, int threads)
    : experiment(std::make_unique<Experiment>(run.config, places, threads)),
      caption(config_text_short(name_of(run.folder, run.config.seed), run.config) + fmt::format(", seed {}", run.config.seed)) {
  before = coupling_states(experiment->network());
  experiment->restore(run.folder / "checkpoint.eqp");
  after = coupling_states(experiment->network());
  caption += fmt::format(", {} of {} epochs", experiment->trainer().epochs_done(), run.config.train.epochs);
}

}  // namespace eqprop

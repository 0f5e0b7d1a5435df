// import W: foreign weights written to arrays by write-verify, with the error that remains and what it cost.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/parallel.h"
#include "base/units.h"
#include "crossbar/array.h"
#include "energy/price_list.h"
#include "eqprop/data/matrix_csv.h"
#include "eqprop/data/npy.h"
#include "eqprop/model/slices.h"
#include "experiments/commands.h"
#include "experiments/energy_report.h"
#include "experiments/places.h"
#include "experiments/talk.h"
#include "experiments/toml_values.h"
#include "experiments/write_config.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct ImportArguments {
  std::string weights, bias, out;
  std::uint32_t seed = 0;
  std::vector<std::string> sets;
  int threads = hardware_threads();
  bool json = false;
};

/// What came of it.
struct Imported {
  Eigen::MatrixXf wanted, written;  // outputs x (inputs + 1)
  double weight_max = 0;
  FaultReport faults;
  WriteReport report;
  EnergySplit energy;
  std::uint32_t pulses_most = 0;
};

Eigen::MatrixXd read_matrix(const fs::path& path) { return path.extension() == ".npy" ? read_npy(path) : read_matrix_csv(path); }
Eigen::MatrixXd read_bias(const fs::path& path) { return path.extension() == ".npy" ? read_npy_vector(path) : read_matrix_csv(path); }

/// outputs x (inputs + 1): the file's matrix, and the biases or zeros.
Eigen::MatrixXf read_weights(const ImportArguments& arguments) {
  const Eigen::MatrixXd weights = read_matrix(arguments.weights);
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(weights.rows(), weights.cols() + 1);
  all.leftCols(weights.cols()) = weights;
  if (!arguments.bias.empty()) {
    const Eigen::MatrixXd bias = read_bias(arguments.bias);
    if (bias.size() != weights.rows() || std::min(bias.rows(), bias.cols()) != 1)
      throw InputError(Code::files_disagree, {arguments.bias},
                       fmt::format("{} x {} biases for {} outputs", bias.rows(), bias.cols(), weights.rows()),
                       "one per output: a row of the weights' file is an output, a column an input");
    all.rightCols(1) = bias.reshaped();
  }
  return all.cast<float>();
}

/// What --set says; of other sections than those that writing depends on it is refused.
TomlValues set_values(const ImportArguments& arguments) {
  constexpr std::string_view kSections[] = {"crossbar", "device", "faults", "energy", "wires"};
  TomlValues values("import");
  for (const std::string& set : arguments.sets) values.set(set);
  for (const auto& [key, value] : values.all())
    if (std::find(std::begin(kSections), std::end(kSections), key.substr(0, key.find('.'))) == std::end(kSections))
      throw InputError(Code::conflict, value.where,
                       fmt::format("`{}` says nothing about writing weights: expected a key of [{}]", key, fmt::join(kSections, "], [")),
                       key == "seed" ? "give --seed" : "remove it");
  return values;
}

/// The options of a run with these two layers and what --set says.
Config config_of(const ImportArguments& arguments, const Eigen::MatrixXf& weights) {
  Overrides overrides;
  overrides.sets = arguments.sets;
  const std::string text = fmt::format(
      "seed = {}\n[data]\nname = \"digits\"\n[network]\nlayers = [{}, {}]\ncoupling = \"crossbar\"\n[train]\nepochs = 1\nrates = [0.1]\n",
      arguments.seed, weights.cols() - 1, weights.rows());
  return parse_write_config(text, "import", overrides);
}

Imported write(const Config& config, const Eigen::MatrixXf& weights, bool headroom_given, int threads) {
  Ledger ledger;
  Run run{.seed = config.seed, .threads = threads, .ledger = &ledger};
  ArrayOptions options = config.crossbar.array;
  if (options.plan.mode == PulseMode::tiki_taka) options.plan.mode = PulseMode::accumulate;
  // nothing will move them: the whole window is theirs, unless told otherwise; a slice needs room for what the one above it missed
  if (!headroom_given) options.weight_headroom = config.crossbar.slices.any() && config.crossbar.slices.correct ? 2 : 1;
  if (!config.crossbar.fault_maps.empty()) options.fault_map = config.crossbar.fault_maps.front();
  const SliceOptions& slices = config.crossbar.slices;
  const PulsePlan plan = options.plan;
  options = Slices::first_options(slices, options, weights);
  const Array array(options, 0, Slices::first_digits(slices, weights), run);
  Imported out{weights,           array.seen_weights(Direction::forward), array.weight_max(), array.faults(), array.initial_write(), {},
               array.pulses_max()};
  if (slices.any()) {
    const Slices below(slices, plan, array, weights, run);
    int k = 0;
    for (const Array& slice : below.below()) {
      out.written += static_cast<float>(below.share(++k)) * slice.seen_weights(Direction::forward);
      out.faults += slice.faults();
      out.report += slice.initial_write();
      out.pulses_most = std::max(out.pulses_most, slice.pulses_max());
    }
  }
  out.energy = price(ledger, Prices::read(find_places(), config).list);
  return out;
}

struct Errors {
  double rms = 0, largest = 0, relative = 0, cosine = 0;
};
Errors errors_of(const Imported& done) {
  const Eigen::MatrixXd wanted = done.wanted.cast<double>(), written = done.written.cast<double>(), error = written - wanted;
  return {std::sqrt(error.squaredNorm() / static_cast<double>(error.size())), error.cwiseAbs().maxCoeff(), error.norm() / wanted.norm(),
          wanted.cwiseProduct(written).sum() / (wanted.norm() * written.norm())};
}

/// A device of kind verify_only lands where its write error says, and is not held to a tolerance.
bool counts_misses(const Config& config) { return config.crossbar.array.device.kind != DeviceKind::verify_only; }

Json report_json(const Imported& done, const Config& config) {
  const Errors errors = errors_of(done);
  return {{"device", config.crossbar.array.device.name},
          {"seed", config.seed},
          {"outputs", done.wanted.rows()},
          {"inputs", done.wanted.cols() - 1},
          {"weight_max", done.weight_max},
          {"error_rms", errors.rms},
          {"error_max", errors.largest},
          {"error_relative", errors.relative},
          {"cosine", errors.cosine},
          {"devices", done.report.devices},
          {"devices_missed", counts_misses(config) ? Json(done.report.missed) : Json()},
          {"devices_stuck", counts_misses(config) ? Json(done.report.stuck) : Json()},
          {"devices_faulty", done.faults.faulty},
          {"weights_clipped", done.report.clipped},
          {"pulses", done.report.pulses},
          {"pulses_per_device_max", done.pulses_most},
          {"verify_reads", done.report.verify_reads},
          {"joule", {{"B0", done.energy.B0}, {"B1", done.energy.B1}, {"B2", done.energy.B2}}}};
}

void print(const Imported& done, const Config& config, const std::string& file) {
  const Errors errors = errors_of(done);
  const auto share = [](std::int64_t part, std::int64_t all) { return 100.0 * static_cast<double>(part) / static_cast<double>(all); };
  fmt::print("{}: {} outputs x {} inputs on {}, seed {}\n", file, done.wanted.rows(), done.wanted.cols() - 1,
             config.crossbar.array.device.name, config.seed);
  fmt::print("  error        rms {:.3g}, largest {:.3g}, {:.3g} % of the weights' rms; cosine {:.6f}\n", errors.rms, errors.largest,
             100 * errors.relative, errors.cosine);
  fmt::print("  window       |w| <= {:.4g}; {} weights cut to it\n", done.weight_max, done.report.clipped);
  if (counts_misses(config))
    fmt::print("  devices      {} of {} ({:.2g} %) outside {} after {} pulses at most; {} faulty\n", done.report.missed,
               done.report.devices, share(done.report.missed, done.report.devices),
               format_quantity(config.crossbar.array.write.tolerance, Unit::siemens), config.crossbar.array.write.max_pulses,
               done.faults.faulty);
  else
    fmt::print("  devices      {}, each by one train of pulses, as far off as the device's write error says; {} faulty\n",
               done.report.devices, done.faults.faulty);
  fmt::print("  cost         {} pulses ({} on one device at most), {} verify reads; {} (B0), {} (B1), {} (B2)\n", done.report.pulses,
             done.pulses_most, done.report.verify_reads, format_quantity(done.energy.B0, Unit::joule),
             format_quantity(done.energy.B1, Unit::joule), format_quantity(done.energy.B2, Unit::joule));
}

void save(const fs::path& file, const Eigen::MatrixXf& written) {
  std::ofstream out(file, std::ios::binary);
  const Eigen::MatrixXd numbers = written.cast<double>();
  out << (file.extension() == ".npy" ? npy(numbers) : matrix_csv(numbers));
  out.close();
  if (!out) throw InputError(Code::cannot_write, {file.string()}, "cannot write this file", "choose another --out");
}

void check_out(const std::string& out) {
  if (out.empty()) return;
  const fs::path file = out;
  if (file.extension() != ".npy" && file.extension() != ".csv")
    throw InputError(Code::usage, {"--out " + out}, "expected a file that ends with .npy or .csv",
                     "e.g. --out " + file.stem().string() + ".npy");
  if (std::error_code none; fs::exists(file, none))
    throw InputError(Code::folder_taken, {out}, "this file is already there", "choose another --out");
}

int import(const ImportArguments& arguments) {
  check_out(arguments.out);
  const TomlValues sets = set_values(arguments);
  const Eigen::MatrixXf weights = read_weights(arguments);
  if (weights.isZero(0)) throw InputError(Code::weight_window, {arguments.weights}, "all weights are zero", "there is nothing to write");
  const Config config = config_of(arguments, weights);
  const bool headroom = sets.find("crossbar.weight_headroom") != nullptr || sets.find("crossbar.weight_max") != nullptr;
  const Imported done = write(config, weights, headroom, arguments.threads);
  if (!arguments.out.empty()) save(arguments.out, done.written);
  if (arguments.json)
    std::puts(report_json(done, config).dump().c_str());
  else
    print(done, config, arguments.weights);
  return kExitDone;
}

}  // namespace

void add_import(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("import", "writes weights trained elsewhere to an array, with the error that remains and its cost");
  auto given = std::make_shared<ImportArguments>();
  command->add_option("W", given->weights, "weights: .npy (float32 or float64) or a table of numbers; a row per output, a column per input")
      ->required();
  command->add_option("--bias", given->bias, "biases, one per output: .npy of one dimension, or a row or column as of W; default: 0");
  command->add_option("--seed", given->seed, "names the devices and their noise")->required();
  command->add_option("--set", given->sets,
                      "section.key=value of [crossbar], [device], [faults], [energy], [wires], e.g. crossbar.device=PCM-GST");
  command->add_option("--out", given->out, "the weights as written, the bias as the last column: .npy or .csv");
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = import(*given); });
}

}  // namespace eqprop

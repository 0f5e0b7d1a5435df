#include "experiments/crossbar_run.h"

#include <fmt/format.h>

#include "base/check.h"
#include "eqprop/learn/backprop.h"
#include "eqprop/model/crossbar_coupling.h"
#include "eqprop/settle/settle.h"
#include "experiments/experiment.h"
#include "experiments/run_folder.h"

namespace eqprop {
namespace {

using Eigen::Index;

// free states of some validation samples, and the samples
struct Settled {
  Batch<float> batch;
  State<float> state;
};

Settled settle_free(const Experiment& experiment, const std::vector<std::uint32_t>& rows, int threads) {
  const Network<float>& network = experiment.network();
  const TrainOptions& train = experiment.config().train;
  Settled out;
  out.batch.fill(experiment.validation(), rows);
  Run run{experiment.config().seed, threads, nullptr, 0};
  ReadPlace place;
  place.samples = out.batch.ids;
  place.place.step = experiment.trainer().steps_done();
  place.place.phase = kPhaseEvaluate;
  Matrix<float> drive(network.layer(1).size, out.batch.x.cols());
  drive_input<float>(network, out.batch.x, drive, place, run);
  out.state = network.rest(out.batch.x.cols());
  if (family_of(train.estimator) == EstimatorFamily::feed_forward) {
    feed_forward<float>(network, drive, out.state, place, run);
    return out;
  }
  Workspace<float> workspace;
  const Boundary<float> boundary{view(out.batch.x), view(drive), view(out.batch.y), 0};
  settle(network, boundary, out.state, train.free, place, workspace, run);
  return out;
}

// [V] of units behind their DAC; neurons of an analog loop have none
Eigen::MatrixXd volts(Eigen::MatrixXf units, const ArrayOptions& options, bool converted) {
  if (converted) options.dac.convert(units);
  return units.cast<double>() * (options.read_volt / options.dac.range);
}

// an array of a coupling, and what its difference of conductances counts for in a weight
struct Part {
  const Array& array;
  std::string name;
  double share;
};

std::vector<Part> parts_of(const CrossbarCoupling<float>& coupling) {
  const Slices* slices = coupling.slices();
  std::vector<Part> out = {{coupling.array(), slices ? "slice 1" : "", 1}};
  for (std::size_t k = 0; slices && k < slices->below().size(); ++k)
    out.push_back({slices->below()[k], fmt::format("slice {}", k + 2), slices->share(static_cast<int>(k) + 1)});
  if (coupling.tiki_taka()) out.push_back({coupling.tiki_taka()->fast(), "fast", 1});
  return out;
}

// voltages of both directions; backward is empty where nothing reads backward
struct Drive {
  Eigen::MatrixXd forward, backward;
};

void add_array(const Part& part, int index, const Drive& drive, const ChangeWires& wires, RunArrays& out) {
  const Array& array = part.array;
  const ArrayOptions& options = array.options();
  Index output = 0, line = 0;
  for (const Tile& tile : array.tiles()) {
    TileCircuit one;
    one.layer = fmt::format("layer {} ({}-{})", index + 1, array.inputs(), array.outputs());
    one.layer_number = index + 1;
    one.part = part.name;
    one.tile = static_cast<int>(&tile - array.tiles().data()) + 1;
    one.tiles = static_cast<int>(array.tiles().size());
    one.first_line = line;
    one.first_output = output;
    one.has_bias = line + tile.lines() == drive.forward.rows();
    one.siemens = cells_of(tile);
    one.forward_volt = drive.forward.middleRows(line, tile.lines());
    if (drive.backward.size() > 0) one.backward_volt = pairs_of(tile.outputs()) * drive.backward.middleRows(output, tile.outputs());
    one.forward_wires = wires(options.wires.ends(Direction::forward));
    one.backward_wires = wires(options.wires.ends(Direction::backward));
    one.siemens_per_weight = array.siemens_per_weight() / part.share;
    one.volt_per_unit = options.read_volt / options.dac.range;
    out.tiles.push_back(std::move(one));
    output += tile.outputs();
    if (output < array.outputs()) continue;
    output = 0;
    line += tile.lines();
  }
}

void add_coupling(const Experiment& experiment, int index, const Settled& settled, const ChangeWires& wires, RunArrays& out) {
  const Network<float>& network = experiment.network();
  const auto* coupling = dynamic_cast<const CrossbarCoupling<float>*>(&network.coupling(index));
  check(coupling != nullptr, "couplings of a crossbar run are arrays");
  const Array& array = coupling->array();
  const ArrayOptions& options = array.options();
  const bool analog = experiment.config().crossbar.loop == Loop::analog;
  const Index samples = settled.batch.x.cols();
  const Eigen::MatrixXf input = index == 0 ? Eigen::MatrixXf(settled.batch.x) : Eigen::MatrixXf(settled.state.layer(index));
  Drive drive{Eigen::MatrixXd(array.inputs() + 1, samples), {}};
  drive.forward.topRows(array.inputs()) = volts(input, options, index == 0 || !analog);
  drive.forward.bottomRows(1).setConstant(options.read_volt / options.dac.range);
  // the clamped input is never read backward, a read-out has no units above it
  if (index > 0 && index + 1 <= network.depth()) drive.backward = volts(settled.state.layer(index + 1), options, !analog);
  for (const Part& part : parts_of(*coupling)) add_array(part, index, drive, wires, out);
}

}  // namespace

std::string TileCircuit::name() const { return fmt::format("{}{}{}, tile {} of {}", layer, part.empty() ? "" : ", ", part, tile, tiles); }

RunArrays read_run_arrays(const std::filesystem::path& folder, const ChangeWires& wires, int threads,
                          const std::function<std::vector<std::uint32_t>(std::size_t)>& samples) {
  RunArrays out;
  out.config = read_run_config(folder);
  if (out.config.coupling != Substrate::crossbar)
    throw InputError(Code::conflict, {(folder / "config.toml").string()}, "the couplings of this run are ideal: it has no arrays",
                     "train with network.coupling = \"crossbar\"");
  if (out.config.crossbar.array.mapping != Mapping::differential)
    throw InputError(
        Code::conflict, {(folder / "config.toml").string()},
        "crossbar.mapping = \"offset_column\": the arrays of this run have reference columns, circuits are drawn of pairs alone",
        "train with crossbar.mapping = \"differential\"");
  Experiment experiment(out.config, find_places(), threads);
  experiment.restore(folder / "checkpoint.eqp");
  out.epochs_done = experiment.trainer().epochs_done();
  out.wires_of_run = out.config.crossbar.array.wires.model != WireModel::none;
  const Settled settled = settle_free(experiment, samples(experiment.validation().size()), threads);
  for (int c = 0; c < experiment.network().coupling_count(); ++c) add_coupling(experiment, c, settled, wires, out);
  return out;
}

}  // namespace eqprop

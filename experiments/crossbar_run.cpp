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

void add_coupling(const Experiment& experiment, int index, const Settled& settled, const ChangeWires& wires, RunArrays& out) {
  const Network<float>& network = experiment.network();
  const auto* coupling = dynamic_cast<const CrossbarCoupling<float>*>(&network.coupling(index));
  check(coupling != nullptr, "couplings of a crossbar run are arrays");
  const Array& array = coupling->array();
  const ArrayOptions& options = array.options();
  const bool analog = experiment.config().crossbar.loop == Loop::analog;
  const Index samples = settled.batch.x.cols();
  const Eigen::MatrixXf input = index == 0 ? Eigen::MatrixXf(settled.batch.x) : Eigen::MatrixXf(settled.state.layer(index));
  Eigen::MatrixXd forward(array.inputs() + 1, samples), backward;
  forward.topRows(array.inputs()) = volts(input, options, index == 0 || !analog);
  forward.bottomRows(1).setConstant(options.read_volt / options.dac.range);
  // the clamped input is never read backward, a read-out has no units above it
  const bool two_ways = index > 0 && index + 1 <= network.depth();
  if (two_ways) backward = volts(settled.state.layer(index + 1), options, !analog);

  const std::string layer = fmt::format("layer {} ({}-{})", index + 1, array.inputs(), array.outputs());
  Index output = 0, line = 0;
  for (const Tile& tile : array.tiles()) {
    TileCircuit one;
    one.layer = layer;
    one.layer_number = index + 1;
    one.tile = static_cast<int>(&tile - array.tiles().data()) + 1;
    one.tiles = static_cast<int>(array.tiles().size());
    one.first_line = line;
    one.first_output = output;
    one.has_bias = line + tile.lines() == forward.rows();
    one.siemens = cells_of(tile);
    one.forward_volt = forward.middleRows(line, tile.lines());
    if (two_ways) one.backward_volt = pairs_of(tile.outputs()) * backward.middleRows(output, tile.outputs());
    one.forward_wires = wires(options.wires.ends(Direction::forward));
    one.backward_wires = wires(options.wires.ends(Direction::backward));
    one.siemens_per_weight = array.siemens_per_weight();
    one.volt_per_unit = options.read_volt / options.dac.range;
    out.tiles.push_back(std::move(one));
    output += tile.outputs();
    if (output < array.outputs()) continue;
    output = 0;
    line += tile.lines();
  }
}

}  // namespace

std::string TileCircuit::name() const { return fmt::format("{}, tile {} of {}", layer, tile, tiles); }

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

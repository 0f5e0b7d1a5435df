// Tiki-Taka: the slow array follows what keeps its sign, and not what a device does by itself.
#include "eqprop/model/tiki_taka.h"

#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr Eigen::Index kOutputs = 20, kLines = 31;

ArrayOptions slow_options(const DevicePreset& device) {
  ArrayOptions options = quiet(device);
  options.plan.mode = PulseMode::accumulate;
  options.weight_max = 1;
  options.device.cycle_sd = 0.3;
  return options;
}

// wanted changes of random sign about a mean
std::vector<OuterProduct> change(double mean, double rate, std::uint32_t step) {
  OuterProduct p{uniform(kLines, 4, 1.0f, 3 * step), uniform(kOutputs, 4, 1.0f, 3 * step + 1), rate};
  p.lines.array() += static_cast<float>(mean);
  p.outputs.array() += static_cast<float>(mean);
  return {p};
}

}  // namespace

TEST_CASE("Tiki-Taka follows a mean, and stays where changes have none", "[tiki_taka]") {
  DevicePreset device = preset("TaOx-180nm");
  for (const double mean : {0.0, 0.5}) {
    Run run{.seed = 3, .threads = 2};
    Array slow(slow_options(device), 0, Eigen::MatrixXf::Zero(kOutputs, kLines), run);
    const Eigen::MatrixXf before = slow.weights();
    TikiTaka tiki_taka({.fast_gain = 1, .transfer_rate = 0.1, .transfer_lines = 4, .transfer_every = 1}, slow, run);
    tiki_taka.calibrate(2);
    for (std::uint32_t step = 0; step < 400; ++step) {
      auto products = change(mean, 0.3 * slow.weight_step(), step);
      tiki_taka.update(products, slow, {.step = step}, run);
    }
    const float moved = (slow.weights() - before).mean();
    INFO("mean " << mean << " moved " << moved);
    if (mean > 0)
      CHECK(moved > 0.1f);
    else
      CHECK(std::abs(moved) < 0.03f);
  }
}

TEST_CASE("Tiki-Taka goes on from a checkpoint with the same bits, by any number of threads", "[tiki_taka][threads]") {
  const DevicePreset device = preset("TaOx-180nm");
  const auto start = [&](Run& run) { return Array(slow_options(device), 0, Eigen::MatrixXf::Zero(kOutputs, kLines), run); };
  Run one{.seed = 3, .threads = 1}, many{.seed = 3, .threads = 5};
  Array slow = start(one), other = start(many);
  const TikiTakaOptions options{.fast_gain = 2, .transfer_rate = 0.1, .transfer_lines = 7, .transfer_every = 2};
  TikiTaka a(options, slow, one), b(options, other, many);
  const auto step = [&](TikiTaka& tiki_taka, Array& array, std::uint32_t at, Run& run) {
    auto products = change(0.3, 0.3 * array.weight_step(), at);
    tiki_taka.update(products, array, {.step = at}, run);
  };
  for (std::uint32_t at = 0; at < 21; ++at) step(a, slow, at, one);
  ByteWriter saved;
  slow.save(saved);
  a.save(saved);
  ByteReader in(saved.bytes(), "saved");
  other.restore(in);
  b.restore(in);
  for (std::uint32_t at = 21; at < 40; ++at) {
    step(a, slow, at, one);
    step(b, other, at, many);
  }
  CHECK(bytes_of(slow) == bytes_of(other));
  CHECK(bytes_of(a.fast()) == bytes_of(b.fast()));
  CHECK(slow.pulses() > 0);
}

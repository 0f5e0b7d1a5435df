// The floor that an array states is the change that its reads really make: the stopping rule stands on it.
#include "eqprop/model/crossbar_coupling.h"
#include "eqprop/settle/settle.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

struct Moved {
  double measured;
  double predicted;
};

// mean-square change of the unsaturated units of a layer between two late sweeps, and what the floor predicts
Moved change_of_layer(int l, double noise, int bits) {
  constexpr Index kInputs = 64, kHidden = 128, kOutputs = 10, kSamples = 64;
  const std::vector<Layer> layers{
      {kInputs, Activation::linear, 0}, {kHidden, Activation::hard_sigmoid, 0}, {kOutputs, Activation::hard_sigmoid, 0}};
  CrossbarOptions options;
  options.array.read_noise.white = noise;
  options.array.dac.bits = options.array.adc_forward.bits = options.array.adc_backward.bits = bits;
  Run run{5};
  std::vector<std::unique_ptr<Coupling<float>>> couplings;
  for (int c = 0; c < 2; ++c) {
    const auto k = static_cast<std::size_t>(c);
    Matrix<float> w = initial_weights<float>(layers[k].size, layers[k + 1].size, 1, 5, c);
    w.col(layers[k].size).setConstant(c == 0 ? 0.3F : 0.1F);
    couplings.push_back(std::make_unique<CrossbarCoupling<float>>(options, layers, c, w, run));
  }
  Network<float> network(layers, std::move(couplings), Cost::squared_error);

  const Matrix<float> x = Matrix<float>::Random(kInputs, kSamples).cwiseAbs();
  Matrix<float> drive(kHidden, kSamples);
  std::vector<std::uint32_t> ids(kSamples);
  for (std::uint32_t i = 0; i < kSamples; ++i) ids[i] = i;
  const ReadPlace place{{}, ids};
  Workspace<float> workspace;
  const auto settled = [&](int sweeps) {
    drive_input<float>(network, x, drive, place, run);
    State<float> state = network.rest(kSamples);
    settle(network, Boundary<float>{view(x), view(drive), {nullptr, 0, 0, Eigen::OuterStride<>(0)}, 0}, state, {0, sweeps, 1000, 1}, place,
           workspace, run);
    return state;
  };
  const State<float> typical = settled(20);
  network.coupling(0).calibrate(x, typical.layer(1));
  network.coupling(1).calibrate(typical.layer(1), typical.layer(2));

  const State<float> now = settled(20);
  const State<float> next = settled(21);
  double sum = 0;
  double units = 0;
  for (Index i = 0; i < kSamples; ++i)
    for (Index u = 0; u < now.size(l); ++u) {
      const float a = now.layer(l)(u, i);
      const float b = next.layer(l)(u, i);
      if (a <= 0.1F || a >= 0.9F) continue;
      sum += static_cast<double>((a - b) * (a - b));
      units += 1;
    }
  REQUIRE(units > 100);
  const double sd = network.coupling(1).floor(l == 1 ? Direction::backward : Direction::forward).total_sd();
  return {sum / units, 2 * sd * sd};
}

}  // namespace

TEST_CASE("with read noise the predicted floor is the measured change", "[settle]") {
  for (const int l : {1, 2})
    for (const int bits : {0, 8}) {
      const Moved moved = change_of_layer(l, 0.01, bits);
      INFO("layer " << l << ", " << bits << " bits: measured " << moved.measured << ", predicted " << moved.predicted);
      CHECK(moved.measured / moved.predicted > 0.5);
      CHECK(moved.measured / moved.predicted < 2);
    }
}

#include "eqprop/learn/noise_budget.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/catch.h"
#include "tests/learn/rough_coupling.h"
#include "tests/learn/small_network.h"

using namespace eqprop;

namespace {

constexpr Index kSamples = 40;

// the weights of a small network behind reads that are as good as said
Network<double> rough(Activation hidden, Activation output, const std::vector<Index>& sizes, double sd, double step,
                      std::uint32_t seed = 3) {
  const auto exact = small_network::network<double>(hidden, output, Cost::squared_error, sizes, sizes.back(), seed);
  std::vector<std::unique_ptr<Coupling<double>>> couplings;
  for (int c = 0; c < exact.coupling_count(); ++c)
    couplings.push_back(std::make_unique<RoughCoupling<double>>(exact.coupling(c).read(), c, sd, step));
  return Network<double>(exact.layers(), std::move(couplings), Cost::squared_error);
}

const std::vector<Index> kSizes = {16, 24, 20, 5};

LearnOptions learn_options(double beta, Estimator estimator = Estimator::centered) {
  LearnOptions out;
  out.estimator = estimator;
  out.beta = beta;
  out.free.tolerance = out.nudged.tolerance = 1e-7;
  out.free.budget = out.nudged.budget = 400;
  return out;
}

NoiseBudget budget(const Network<double>& network, const LearnOptions& options, int batch = 40, int threads = 1) {
  const auto samples = small_network::batch<double>(network.layer(0).size, network.outputs(), kSamples);
  Run run{7, threads, nullptr, 0};
  NoiseBudgetOptions given;
  given.batch = batch;
  return noise_budget(network, samples, options, given, run);
}

NoiseBudget budget(double sd, double step, double beta) {
  return budget(rough(Activation::tanh, Activation::linear, kSizes, sd, step), learn_options(beta));
}

// what disturbs a network
struct Rough {
  std::string name;
  double sd;
  double step;
  double activation_noise;
};

LearnOptions disturbed(const Rough& rough, double beta) {
  LearnOptions out = learn_options(beta);
  out.free.activation_noise = out.nudged.activation_noise = rough.activation_noise;
  // a deterministic loop comes to rest by itself; the noise floor would end its settles early
  if (rough.sd == 0 && rough.step > 0) out.free.noise_margin = out.nudged.noise_margin = 1e-6, out.free.budget = out.nudged.budget = 60;
  return out;
}

NoiseBudget budget(const Rough& r, double beta, std::uint32_t seed = 3) {
  return budget(rough(Activation::tanh, Activation::linear, kSizes, r.sd, r.step, seed), disturbed(r, beta), static_cast<int>(kSamples));
}

// cosine of the mean of `draws` noisy estimates with the exact gradient per coupling, mean over `repeats`
std::vector<double> measured_cosine(const Rough& r, double beta, int draws, int repeats, std::uint32_t seed = 3) {
  auto noisy = rough(Activation::tanh, Activation::linear, kSizes, r.sd, r.step, seed);
  auto exact = rough(Activation::tanh, Activation::linear, kSizes, 0, 0, seed);
  const auto samples = small_network::batch<double>(kSizes.front(), kSizes.back(), kSamples);
  Run run{7, 1, nullptr, 0};
  const auto truth = estimate_gradient<double>(exact, samples, small_network::options(Estimator::implicit, 0.1), run);
  std::vector<double> cosine(truth.size(), 0.0);
  std::uint32_t step = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    auto mean = estimate_gradient<double>(noisy, samples, disturbed(r, beta), run, {}, step++);
    for (int k = 1; k < draws; ++k) {
      const auto g = estimate_gradient<double>(noisy, samples, disturbed(r, beta), run, {}, step++);
      for (std::size_t c = 0; c < g.size(); ++c) mean[c] += g[c];
    }
    const auto agreement = compare_gradients(mean, truth);
    for (std::size_t c = 0; c < cosine.size(); ++c) cosine[c] += agreement[c].cosine / repeats;
  }
  return cosine;
}

}  // namespace

TEST_CASE("the smallest beta of a layer is proportional to the read noise, the averaging to its square") {
  const NoiseBudget one = budget(0.01, 0, 0.1), two = budget(0.02, 0, 0.1);
  for (std::size_t i = 0; i < one.layers.size(); ++i) {
    CHECK(one.layers[i].read_noise > 0);
    CHECK(two.layers[i].read_noise == Approx(2 * one.layers[i].read_noise));
    CHECK(two.layers[i].smallest_beta == Approx(2 * one.layers[i].smallest_beta));
    CHECK(two.layers[i].averaging == Approx(4 * one.layers[i].averaging));
    CHECK(two.layers[i].over_noise() == Approx(one.layers[i].over_noise() / 2));
  }
  CHECK(two.floor == Approx(2 * one.floor));
  CHECK(one.layers[static_cast<std::size_t>(one.floor_layer) - 1].smallest_beta == one.floor);
}

TEST_CASE("twice the beta is twice the difference and a quarter of the averaging, while beta is small") {
  const NoiseBudget one = budget(0.01, 0, 0.01), two = budget(0.01, 0, 0.02);
  for (std::size_t i = 0; i < one.layers.size(); ++i) {
    CHECK(two.layers[i].difference == Approx(2 * one.layers[i].difference).epsilon(1e-3));
    CHECK(one.layers[i].difference == Approx(0.01 * one.layers[i].response).epsilon(1e-3));
    CHECK(two.layers[i].field_difference == Approx(2 * one.layers[i].field_difference));
    CHECK(two.layers[i].averaging == Approx(one.layers[i].averaging / 4));
    // the limits are the network's, not the beta's
    CHECK(two.layers[i].smallest_beta == Approx(one.layers[i].smallest_beta));
  }
  CHECK(two.curvature == one.curvature);
}

TEST_CASE("half the step, half the smallest beta; one bit more, half the step", "[long]") {
  const NoiseBudget coarse = budget(0, 0.02, 0.1), fine = budget(0, 0.01, 0.1);
  for (std::size_t i = 0; i < fine.layers.size(); ++i) {
    CHECK(coarse.layers[i].step == 0.02);
    CHECK(fine.layers[i].over_step() == Approx(2 * coarse.layers[i].over_step()));
    CHECK(fine.layers[i].smallest_beta > 0);
    CHECK(fine.layers[i].smallest_beta == Approx(coarse.layers[i].smallest_beta / 2).epsilon(0.01));
  }
  const auto of_bits = [](int bits) {
    LearnOptions options = learn_options(0.1);
    options.measurement.bits = bits;
    return budget(rough(Activation::tanh, Activation::tanh, kSizes, 0, 0), options);
  };
  const NoiseBudget seven = of_bits(7), eight = of_bits(8);
  for (std::size_t i = 0; i < seven.layers.size(); ++i) {
    CHECK(seven.layers[i].result_step == Approx(2.0 / 127));
    CHECK(eight.layers[i].result_step == Approx(2.0 / 255));
    CHECK(eight.layers[i].smallest_beta < seven.layers[i].smallest_beta);
  }
}

TEST_CASE("more samples per update lower the floor, the more so the more alike they are; exact weights have none but the tolerance", "[long]") {
  const auto network = rough(Activation::tanh, Activation::linear, kSizes, 0.02, 0);
  const NoiseBudget single = budget(network, learn_options(0.1), 1), batch = budget(network, learn_options(0.1), 64);
  for (std::size_t i = 0; i < single.layers.size(); ++i) {
    const double alike = single.layers[i].alike;
    CHECK((alike >= 0 && alike <= 1));
    CHECK(batch.layers[i].smallest_beta == Approx(single.layers[i].smallest_beta / std::sqrt(1 + 63 * alike)));
  }
  LearnOptions options = learn_options(0.1);
  const NoiseBudget exact = budget(rough(Activation::tanh, Activation::linear, kSizes, 0, 0), options);
  for (const LayerBudget& layer : exact.layers) CHECK(layer.smallest_beta == 0);
  options.nudged.tolerance *= 2;
  CHECK(budget(rough(Activation::tanh, Activation::linear, kSizes, 0, 0), options).floor == Approx(2 * exact.floor));
  options.nudged.method = Method::backward;
  CHECK(budget(rough(Activation::tanh, Activation::linear, kSizes, 0, 0), options).floor == 0);
}

TEST_CASE("the dead zone is where a nudge moves the wrong outputs of 90 % of the samples of every class") {
  // weights 0: the field of output k is its bias. Output 9 stands above 1 and is wrong for all samples but those of its class
  const Index classes = 10;
  const double saturated = GENERATE(0.5, 1.1, 1.43);
  Matrix<double> weights = Matrix<double>::Zero(classes, 7);
  for (Index k = 0; k < classes; ++k) weights(k, 6) = -0.05 * static_cast<double>(k);
  weights(9, 6) = saturated;
  const auto network_of = [&](Activation activation) {
    std::vector<std::unique_ptr<Coupling<double>>> couplings;
    couplings.push_back(std::make_unique<IdealCoupling<double>>(weights));
    return Network<double>({{6, Activation::linear, 6}, {classes, activation, 6}}, std::move(couplings), Cost::squared_error);
  };
  const auto network = network_of(Activation::hard_sigmoid);
  const NoiseBudget found = budget(network, learn_options(0.1));
  CHECK(found.dead_zone == Approx(std::max(saturated - 1, 0.4)));
  CHECK(budget(network_of(Activation::linear), learn_options(0.1)).dead_zone == 0);
  CHECK(budget(network, learn_options(0.1, Estimator::coupled_p)).dead_zone == 0);

  // settled: just above it 90 % of every class move wherever they are wrong, just below it fewer of some class
  const auto moved = [&](double beta) {
    const auto samples = small_network::batch<double>(6, classes, kSamples);
    Run run{7, 1, nullptr, 0};
    const ReadPlace place{{}, samples.ids};
    Matrix<double> drive(classes, kSamples);
    drive_input<double>(network, samples.x, drive, place, run);
    Workspace<double> workspace;
    State<double> free = network.rest(kSamples);
    settle(network, {view(samples.x), view(drive), view(samples.y), 0}, free, learn_options(0.1).free, place, workspace, run);
    State<double> nudged = free;
    settle(network, {view(samples.x), view(drive), view(samples.y), beta}, nudged, learn_options(0.1).free, place, workspace, run);
    std::vector<double> count(static_cast<std::size_t>(classes), 0.0);
    for (Index i = 0; i < kSamples; ++i) {
      const Eigen::ArrayXd wrong = (samples.y.col(i) - free.layer(1).col(i)).cwiseAbs();
      const Eigen::ArrayXd change = (nudged.layer(1).col(i) - free.layer(1).col(i)).cwiseAbs();
      count[static_cast<std::size_t>(i % classes)] += ((wrong > 0) && (change == 0)).any() ? 0 : 1;
    }
    return *std::min_element(count.begin(), count.end()) / (kSamples / classes);
  };
  CHECK(moved(found.dead_zone + 1e-6) >= 0.9);
  CHECK(moved(found.dead_zone - 1e-6) < 0.9);
}

TEST_CASE("up to the curvature limit the gradient keeps its direction, beyond it not") {
  const auto hidden = GENERATE(Activation::tanh, Activation::hard_sigmoid);
  const auto estimator = GENERATE(Estimator::one_sided, Estimator::centered, Estimator::coupled_p);
  auto network = rough(hidden, Activation::tanh, {16, 24, 5}, 0, 0);
  const double limit = budget(network, learn_options(0.1, estimator)).curvature;
  const auto samples = small_network::batch<double>(16, 5, kSamples);
  const auto least = [&](double beta) {
    Run run{7, 1, nullptr, 0};
    const auto whole = estimate_gradient<double>(network, samples, small_network::options(estimator, beta), run);
    const auto half = estimate_gradient<double>(network, samples, small_network::options(estimator, beta / 2), run);
    double out = 1;
    for (const Agreement& a : compare_gradients(whole, half)) out = std::min(out, a.cosine);
    return out;
  };
  CHECK(limit > 0);
  CHECK(least(limit) >= 0.99 - 1e-6);
  if (limit < kMostBeta) CHECK(least(1.05 * limit) < 0.99);
}

TEST_CASE("at the curvature limit a centered gradient is near the exact one") {
  // its error grows with beta squared: an angle x to the half beta is 4/3 x to the exact gradient, a cosine of .99 then .982
  auto network = rough(Activation::tanh, Activation::tanh, {16, 24, 5}, 0, 0);
  const double limit = budget(network, learn_options(0.1)).curvature;
  const auto samples = small_network::batch<double>(16, 5, kSamples);
  Run run{7, 1, nullptr, 0};
  const auto exact = estimate_gradient<double>(network, samples, small_network::options(Estimator::implicit, 0.1), run);
  const auto found = estimate_gradient<double>(network, samples, small_network::options(Estimator::centered, limit), run);
  for (const Agreement& coupling : compare_gradients(found, exact)) CHECK(coupling.cosine > 0.97);
}

TEST_CASE("the chosen beta is the curvature limit where that is above both others, else the larger of these") {
  for (const double sd : {0.001, 0.02, 0.3, 5.0}) {
    const NoiseBudget b = budget(rough(Activation::hard_sigmoid, Activation::hard_sigmoid, kSizes, sd, 0), learn_options(0.1));
    const double least = std::max(b.floor, b.dead_zone);
    CHECK(b.chosen == Approx(std::min(b.curvature >= least ? b.curvature : least, kMostBeta)).epsilon(0.01));
    CHECK((b.chosen <= kMostBeta && b.chosen > 0));
    CHECK(b.reason.find(b.curvature >= least ? "curvature" : b.dead_zone >= b.floor ? "dead zone" : "floor") != std::string::npos);
  }
}

TEST_CASE("a budget has the same bits for any number of threads and leaves the ledger alone", "[threads]") {
  const auto network = rough(Activation::hard_sigmoid, Activation::hard_sigmoid, kSizes, 0.01, 0.004);
  const NoiseBudget one = budget(network, learn_options(0.1), 40, 1), four = budget(network, learn_options(0.1), 40, 4);
  CHECK(one.chosen == four.chosen);
  CHECK(one.floor == four.floor);
  CHECK(one.curvature == four.curvature);
  for (std::size_t i = 0; i < one.layers.size(); ++i) {
    CHECK(one.layers[i].difference == four.layers[i].difference);
    CHECK(one.layers[i].noise == four.layers[i].noise);
  }
}

TEST_CASE("exact gradients have no beta to choose") {
  Run run{7, 1, nullptr, 0};
  const auto network = rough(Activation::tanh, Activation::linear, kSizes, 0, 0);
  const auto samples = small_network::batch<double>(16, 5, 4);
  for (const Estimator estimator : {Estimator::implicit, Estimator::backprop, Estimator::contrastive})
    CHECK_THROWS_AS(noise_budget(network, samples, learn_options(0.1, estimator), {}, run), std::logic_error);
}

// against reality: gradients through noisy reads. At the smallest beta noise and difference are equal, a cosine of .7; 2.5 times above and
// below stand on either side of .5
TEST_CASE("the smallest beta separates useful gradients from useless ones: what is drawn anew", "[long]") {
  const Rough r =
      GENERATE(Rough{"read noise", 0.02, 0, 0}, Rough{"activation noise", 0, 0, 0.02}, Rough{"noise that dithers", 0.02, 0.04, 0});
  const NoiseBudget b = budget(r, 0.1);
  for (std::size_t i = 0; i < b.layers.size(); ++i) {
    const double beta = b.layers[i].smallest_beta;
    INFO(r.name << ", layer " << i + 1 << ", smallest beta " << beta);
    REQUIRE(beta < 0.36);
    CHECK(measured_cosine(r, 2.5 * beta, 1, 8)[i] > 0.5);
    CHECK(measured_cosine(r, beta / 2.5, 1, 8)[i] < 0.5);
  }
}

// rounding alone is no noise but a function of the sample: single networks scatter, so the mean over some of them counts
TEST_CASE("the smallest beta separates useful gradients from useless ones: converter steps in the loop") {
  const Rough r{"steps", 0, 0.03, 0};
  double below = 0;
  constexpr int kNetworks = 12;
  for (std::uint32_t seed = 3; seed < 3 + kNetworks; ++seed) {
    const double beta = budget(r, 0.1, seed).layers.front().smallest_beta;
    INFO("network " << seed << ", smallest beta " << beta);
    REQUIRE(beta < 0.36);
    CHECK(measured_cosine(r, 2.5 * beta, 1, 1, seed).front() > 0.5);
    below += measured_cosine(r, beta / 2.5, 1, 1, seed).front() / kNetworks;
  }
  CHECK(below < 0.5);
}

TEST_CASE("the averaging that a budget asks for is what a nudge below the floor needs", "[long]") {
  const Rough r{"read noise", 0.1, 0, 0};
  const double beta = 0.015;
  const NoiseBudget b = budget(r, beta);
  int below = 0;
  for (std::size_t i = 0; i < b.layers.size(); ++i) {
    const double repeats = b.layers[i].averaging / (1 + (kSamples - 1) * b.layers[i].alike);  // of the batch
    INFO("layer " << i + 1 << ", repeats " << repeats);
    CHECK(measured_cosine(r, beta, std::min(static_cast<int>(std::ceil(6 * repeats)), 400), 2)[i] > 0.5);
    const int few = static_cast<int>(repeats / 6);
    if (few == 0) continue;
    CHECK(measured_cosine(r, beta, few, 6)[i] < 0.5);
    ++below;
  }
  CHECK(below > 0);
}

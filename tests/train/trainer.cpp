#include "eqprop/train/trainer.h"

#include "base/check.h"
#include "tests/catch.h"
#include "tests/train/small_task.h"

using namespace small_task;

TEST_CASE("the network learns, on ideal and on crossbar couplings, with and without the kernel") {
  const auto train = data(200, 1);
  const auto test = data(200, 2);
  for (const auto substrate : {Substrate::ideal, Substrate::crossbar})
    for (const bool kernel : {true, false}) {
      Subject subject(network(substrate), training(15, kernel), train);
      const double before = subject.trainer.evaluate(test).accuracy;
      EpochReport report;
      for (int e = 0; e < 15; ++e) report = subject.epoch(train);
      INFO("crossbar " << (substrate == Substrate::crossbar) << " kernel " << kernel << " before " << before);
      CHECK(subject.trainer.evaluate(test).accuracy > 0.95);
      CHECK(report.path == (kernel && substrate == Substrate::ideal ? Path::chain : Path::general));
      CHECK(report.sums.samples == 200);
      CHECK(report.sums.settles == 3 * 200);
      CHECK(report.sums.diverged == 0);
    }
}

TEST_CASE("the kernel's step is the general path's step") {
  const auto train = data(60, 1);
  for (const Index hidden : {17, 20, 64})
    for (const auto estimator : {Estimator::one_sided, Estimator::centered, Estimator::random_sign})
      for (const auto output : {Activation::hard_sigmoid, Activation::linear}) {
        auto options = training(1);
        options.estimator = estimator;
        options.free = {0, 30, 4, 1.5};
        options.nudged = {0, 30, 4, 1.5};
        auto shape = network(Substrate::ideal, hidden);
        shape.layers.back().activation = output;
        Subject fast(shape, options, train);
        options.kernel = false;
        Subject slow(shape, options, train);
        const auto a = fast.epoch(train);
        const auto b = slow.epoch(train);
        REQUIRE(a.path == Path::chain);
        REQUIRE(b.path == Path::general);
        CHECK(a.sums.sweeps == b.sums.sweeps);
        CHECK(a.sums.correct == b.sums.correct);
        CHECK(a.sums.cost == Approx(b.sums.cost).epsilon(1e-3));
        for (int c = 0; c < 2; ++c)
          CHECK((fast.net.coupling(c).read() - slow.net.coupling(c).read()).norm() < 1e-3F * slow.net.coupling(c).read().norm());
      }
}

TEST_CASE("same seed: same checkpoint and ledger for 1, 2 and 7 threads; another seed: another checkpoint", "[threads]") {
  const auto train = data(100, 1);
  for (const auto substrate : {Substrate::ideal, Substrate::crossbar}) {
    auto options = training(2);
    options.batch = 50;  // several shards
    Subject one(network(substrate), options, train, 1, 1);
    one.epoch(train);
    for (const int threads : {2, 7}) {
      Subject many(network(substrate), options, train, 1, threads);
      many.epoch(train);
      CHECK(many.bytes() == one.bytes());
      CHECK(many.trainer.ledger() == one.trainer.ledger());
    }
    Subject other(network(substrate), options, train, 2, 1);
    other.epoch(train);
    CHECK(other.bytes() != one.bytes());
  }
}

TEST_CASE("stopped after any step, saved, restored and finished: the same bits as uninterrupted") {
  const auto train = data(100, 1);
  for (const auto substrate : {Substrate::ideal, Substrate::crossbar}) {
    auto options = training(2);
    if (substrate == Substrate::ideal) options.rule.momentum = 0.5;
    Subject whole(network(substrate), options, train);
    whole.epoch(train);
    whole.epoch(train);
    for (const std::size_t stop : {1, 3, 5}) {
      Subject first(network(substrate), options, train);
      std::size_t steps = 0;
      EpochReport report;
      const bool finished = first.trainer.run_epoch(
          train, [&](const Progress&) { return ++steps < stop; }, report);
      CHECK(finished == (stop == 5));
      Subject second(network(substrate), options, train);
      const auto saved = first.bytes();
      ByteReader in(saved, "checkpoint");
      second.trainer.restore(in);
      CHECK(in.done());
      while (second.trainer.epochs_done() < 2) second.epoch(train);
      CHECK(second.bytes() == whole.bytes());
    }
  }
}

TEST_CASE("events: training and evaluation are kept apart, energy is never charged to ideal couplings") {
  const auto train = data(40, 1);
  Subject ideal(network(Substrate::ideal), training(1), train);
  ideal.epoch(train);
  CHECK(ideal.trainer.ledger().empty());
  Subject crossbar(network(Substrate::crossbar), training(1), train);
  crossbar.epoch(train);
  const Ledger before = crossbar.trainer.ledger();
  CHECK(before.at(0, kPhaseInitialWrite, Event::pulse_set).count > 0);
  CHECK(before.at(0, kPhaseInput, Event::cell_read).joule > 0);
  CHECK(before.at(1, kPhaseFree, Event::adc).count > 0);
  CHECK(before.at(1, kPhaseFirstNudged, Event::cell_read).joule > 0);
  crossbar.trainer.evaluate(train);
  const auto training_only = [](PhaseId phase) { return phase != kPhaseEvaluate; };
  CHECK(crossbar.trainer.ledger().phases(training_only) == before.phases(training_only));
  CHECK(crossbar.trainer.ledger().at(1, kPhaseEvaluate, Event::adc).count > 0);
}

TEST_CASE("a class that no sample moves is reported as lost") {
  const auto train = data(80, 1);
  auto options = training(1, false);
  options.rule.rates = {0, 0};
  auto shape = network(Substrate::ideal);
  Subject subject(shape, options, train);
  // a bias far below -beta silences output 2 for good
  auto& coupling = subject.net.coupling(1);
  const Matrix<float> pre = Matrix<float>::Zero(20, 1);
  Matrix<float> post = Matrix<float>::Zero(4, 1);
  post(2, 0) = -50;
  Run run{1, 1, nullptr, 0};
  const Factor<float> factor{view(pre), view(post), 1};
  coupling.update(WantedChange<float>({&factor, 1}, 1), {}, run);
  CHECK(subject.epoch(train).lost_classes == std::vector<int>{2});
}

TEST_CASE("analog loop: all arrays settle at once; a sweep is ln(1/tolerance) time constants, charged once to neurons and cells") {
  const auto train = data(40, 1);
  for (const std::size_t hidden_layers : {1, 3}) {
    auto shape = network(Substrate::crossbar);
    shape.crossbar.loop = Loop::analog;
    shape.layers.insert(shape.layers.begin() + 1, hidden_layers - 1, Layer{20, Activation::hard_sigmoid, 0});
    auto options = training(1);
    options.rule.rates.assign(hidden_layers + 1, 0.1);
    Subject subject(shape, options, train);
    const auto report = subject.epoch(train);
    const double constants = std::log(1 / options.free.tolerance);
    CHECK(report.sums.hardware_second == Approx(static_cast<double>(report.sums.sweeps) * constants * shape.crossbar.analog_second));
    const auto neurons = [&](int layer) {
      std::int64_t count = 0;
      for (const PhaseId phase : {kPhaseFree, kPhaseFirstNudged, static_cast<PhaseId>(kPhaseFirstNudged + 1)})
        count += subject.trainer.ledger().at(layer, phase, Event::neuron).count;
      return count;
    };
    for (std::size_t l = 1; l < shape.layers.size(); ++l)
      CHECK(static_cast<double>(neurons(static_cast<int>(l) - 1)) ==
            Approx(static_cast<double>(shape.layers[l].size * report.sums.sweeps) * constants).epsilon(0.03));  // whole events per sample
  }
}

TEST_CASE("digital loop: one neuron update per unit and sweep, at any depth, with and without a read-out") {
  const auto train = data(40, 1);
  for (const auto cost : {Cost::squared_error, Cost::cross_entropy})
    for (const std::size_t hidden_layers : {1, 2, 3}) {
      auto shape = network(Substrate::crossbar);
      shape.cost = cost;
      shape.classes = 4;
      shape.layers.insert(shape.layers.begin() + 1, hidden_layers - 1, Layer{20, Activation::hard_sigmoid, 0});
      auto options = training(1);
      options.rule.rates.assign(static_cast<std::size_t>(shape.couplings()), 0.1);
      Subject subject(shape, options, train);
      const auto report = subject.epoch(train);
      for (std::size_t l = 1; l < shape.layers.size(); ++l) {
        std::int64_t neurons = 0;
        for (const PhaseId phase : {kPhaseInput, kPhaseFree, kPhaseFirstNudged, static_cast<PhaseId>(kPhaseFirstNudged + 1)})
          neurons += subject.trainer.ledger().at(static_cast<int>(l) - 1, phase, Event::neuron).count;
        CHECK(neurons == shape.layers[l].size * report.sums.sweeps);
      }
      // nudged phases on a noisy read-out reach the noise floor too
      CHECK(report.sums.converged + report.sums.noise_floor > report.sums.settles / 2);
    }
}

TEST_CASE("an analog loop with a read-out beside it is refused: its reads would cost nothing") {
  auto shape = network(Substrate::crossbar);
  shape.cost = Cost::cross_entropy;
  shape.classes = 4;
  shape.crossbar.loop = Loop::analog;
  CHECK_THROWS_WITH(shape.validate(), Catch::Matchers::Contains("cross_entropy"));
}

TEST_CASE("a checkpoint whose epoch, position or sums no run has is refused") {
  const auto train = data(40, 1);
  Subject subject(network(Substrate::ideal), training(1), train);
  const auto saved = subject.bytes();
  // behind the shard size (4 bytes): epoch (4), position (8), step (4), samples trained (8), sums
  const auto refused = [&](std::size_t at, std::uint8_t value) {
    auto bytes = saved;
    bytes.at(at) = value;
    ByteReader in(bytes, "checkpoint");
    try {
      subject.trainer.restore(in);
      return false;
    } catch (const InputError& error) {
      return error.code() == Code::damaged;
    }
  };
  CHECK_FALSE(refused(4, 1));
  CHECK_FALSE(refused(8, 40));
  CHECK(refused(7, 0x80));   // an epoch below 0
  CHECK(refused(8, 41));     // behind the last sample
  CHECK(refused(27, 0x80));  // fewer than 0 samples trained
  CHECK(refused(35, 0x80));  // a sum below 0
}

TEST_CASE("weights decay on every path alike, and devices are not asked to") {
  const auto train = data(800, 1);  // 40 steps
  auto options = training(1);
  options.rule.weight_decay = 0.05;
  Subject fast(network(Substrate::ideal), options, train);
  options.rule.weight_decay = 0;
  Subject without(network(Substrate::ideal), options, train);
  options.rule.weight_decay = 0.05;
  options.kernel = false;
  Subject slow(network(Substrate::ideal), options, train);
  REQUIRE(fast.epoch(train).path == Path::chain);
  REQUIRE(slow.epoch(train).path == Path::general);
  without.epoch(train);
  for (int c = 0; c < 2; ++c) {
    const Matrix<float> decayed = slow.net.coupling(c).read();
    CHECK((fast.net.coupling(c).read() - decayed).norm() < 2e-3F * decayed.norm());
    CHECK(without.net.coupling(c).read().norm() > 1.01F * decayed.norm());
  }
  CHECK_THROWS_WITH(options.validate(network(Substrate::crossbar)), Catch::Matchers::Contains("devices cannot be scaled"));
}

TEST_CASE("the kernel settles the nudged phases to a tolerance of their own, as the general path does") {
  const auto train = data(60, 1);
  auto options = training(1);
  options.free.tolerance = 1e-2;
  options.nudged.tolerance = 1e-5;
  Subject fast(network(Substrate::ideal), options, train);
  options.kernel = false;
  Subject slow(network(Substrate::ideal), options, train);
  options.kernel = true;
  options.nudged.tolerance = 1e-2;
  Subject coarse(network(Substrate::ideal), options, train);
  const auto a = fast.epoch(train);
  const auto b = slow.epoch(train);
  REQUIRE(a.path == Path::chain);
  REQUIRE(a.sums.converged == a.sums.settles);
  CHECK(a.sums.sweeps > coarse.epoch(train).sums.sweeps);
  CHECK(static_cast<double>(a.sums.sweeps) == Approx(static_cast<double>(b.sums.sweeps)).epsilon(0.1));
  for (int c = 0; c < 2; ++c)
    CHECK((fast.net.coupling(c).read() - slow.net.coupling(c).read()).norm() < 2e-3F * slow.net.coupling(c).read().norm());
}

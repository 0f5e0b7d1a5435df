// Training on arrays behind wires.
#include "tests/catch.h"
#include "tests/train/small_task.h"

using namespace small_task;

namespace {

NetworkOptions wired(double ohm = 20) {
  NetworkOptions options = network(Substrate::crossbar);
  options.crossbar.array.wires.model = WireModel::exact;
  options.crossbar.array.wires.wires = {ohm, 0, 0, false};
  return options;
}

}  // namespace

TEST_CASE("a network learns through its wires, in both loops, and says how stale its matrices became") {
  const auto train = data(200, 1), test = data(200, 2);
  for (const Loop loop : {Loop::digital, Loop::analog}) {
    NetworkOptions options = wired(), ideal = network(Substrate::crossbar);
    options.crossbar.loop = ideal.crossbar.loop = loop;
    Subject subject(options, training(15), train), beside(ideal, training(15), train);
    for (int e = 0; e < 15; ++e) {
      subject.epoch(train);
      beside.epoch(train);
    }
    CHECK(subject.trainer.evaluate(test).accuracy > 0.9);
    const WireUse use = subject.trainer.wire_use();
    CHECK(use.rebuilds >= 4);
    CHECK(use.updates > 0);
    CHECK(use.stale_error > 0);
    CHECK(use.stale_error < 0.01);
    CHECK(beside.trainer.wire_use().rebuilds == 0);
    // lines take a share of the voltage, and of the power
    CHECK(subject.trainer.ledger().total(Event::cell_read).joule < beside.trainer.ledger().total(Event::cell_read).joule);
  }
}

TEST_CASE("behind wires: same bits by any number of threads, and after a stop between rebuilds", "[threads]") {
  const auto train = data(100, 1);
  const TrainOptions options = training(3);
  Subject one(wired(), options, train, 1, 1), seven(wired(), options, train, 1, 7);
  for (int e = 0; e < 3; ++e) one.epoch(train);
  seven.epoch(train);
  const auto saved = seven.bytes();
  Subject resumed(wired(), options, train, 1, 2);
  ByteReader in(saved, "saved");
  resumed.trainer.restore(in);
  for (int e = 1; e < 3; ++e) resumed.epoch(train);
  CHECK(resumed.bytes() == one.bytes());
}

TEST_CASE("behind wires, an evaluation whose rebuild chooses matrices leaves a checkpoint that can be read") {
  const auto train = data(100, 1), test = data(1000, 2);
  TrainOptions options = training(3);
  int turned = 0;
  for (const int batch : {4, 8, 16, 32}) {
    options.batch = batch;
    Subject subject(wired(), options, train);
    for (int e = 0; e < 3; ++e) {
      subject.epoch(train);
      const auto before = subject.trainer.wire_use().solving;
      subject.trainer.evaluate(test);
      turned += subject.trainer.wire_use().solving < before ? 1 : 0;
      const auto saved = subject.bytes();
      Subject again(wired(), options, train);
      ByteReader in(saved, "saved");
      again.trainer.restore(in);
      CHECK((again.bytes() == saved));
      CHECK(again.trainer.evaluate(test).accuracy == subject.trainer.evaluate(test).accuracy);
    }
  }
  CHECK(turned > 0);
}

TEST_CASE("behind wires, sample by sample, where reads are solves: same bits by any number of threads, and after a stop", "[threads]") {
  const auto train = data(40, 1);
  TrainOptions options = training(2);
  options.batch = 1;
  NetworkOptions solved = wired();
  solved.crossbar.array.wires.model = WireModel::solve;
  Subject one(solved, options, train, 1, 1), seven(solved, options, train, 1, 7);
  one.epoch(train);
  seven.epoch(train);
  CHECK((one.bytes() == seven.bytes()));
  one.epoch(train);
  CHECK(one.trainer.wire_use().solving == one.trainer.wire_use().tiles);
  const auto saved = seven.bytes();
  Subject resumed(solved, options, train, 1, 2);
  ByteReader in(saved, "saved");
  resumed.trainer.restore(in);
  resumed.epoch(train);
  CHECK((resumed.bytes() == one.bytes()));
}

TEST_CASE("weights that read differently backward because ends change places are certified as they are read") {
  NetworkOptions options = wired();
  options.crossbar.array.wires.wires.driver_ohm = 2000;
  Run run{1, 1, nullptr, 0};
  const auto like = build_network<float>(options, run);
  CHECK(like.coupling(1).read_backward() == like.coupling(1).read().leftCols(20).transpose());
  options.crossbar.array.wires.swap_ends = true;
  const auto swapped = build_network<float>(options, run);
  CHECK((swapped.coupling(1).read_backward() - swapped.coupling(1).read().leftCols(20).transpose()).norm() >
        0.01F * swapped.coupling(1).read().norm());
}

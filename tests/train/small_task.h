#pragma once
// A task that a small network learns in a few hundred steps: four classes, each a noisy prototype of twelve features.
#include "eqprop/train/trainer.h"

namespace small_task {

using namespace eqprop;

inline Dataset data(std::size_t count, std::uint32_t seed) {
  constexpr int kFeatures = 12, kClasses = 4;
  Dataset set{"prototypes", kFeatures, kClasses, {}, {}, {}};
  const RandomKey key(seed, Purpose::test);
  const RandomKey prototype(99, Purpose::test);
  for (std::uint32_t i = 0; i < count; ++i) {
    Place place;
    place.sample = i;
    const std::uint32_t label = i % kClasses;
    for (std::uint32_t f = 0; f < kFeatures; ++f) {
      const bool on = prototype.uniform({}, label * kFeatures + f) > 0.5F;
      const float noisy = (on ? 0.7F : 0.0F) + 0.3F * key.uniform(place, f);
      set.x.push_back(key.uniform(place, 100 + f) < 0.15F ? 0.0F : noisy);  // some pixels drop out, so that inputs are sparse
    }
    set.labels.push_back(static_cast<std::int32_t>(label));
    set.ids.push_back(i);
  }
  return set;
}

inline NetworkOptions network(Substrate substrate, Index hidden = 20) {
  NetworkOptions options;
  options.layers = {{12, Activation::linear, 0}, {hidden, Activation::hard_sigmoid, 0}, {4, Activation::hard_sigmoid, 0}};
  options.substrate = substrate;
  return options;
}

inline TrainOptions training(int epochs, bool kernel = true) {
  TrainOptions options;
  options.epochs = epochs;
  options.batch = 20;
  options.beta = 0.5;
  options.free = {1e-4, 60, 4, 1.5};
  options.nudged = options.free;
  options.rule.rates = {0.2, 0.1};
  options.kernel = kernel;
  return options;
}

// network and trainer that live together; the initial write is in the trainer's ledger
struct Subject {
  Ledger initial;
  Network<float> net;
  Trainer<float> trainer;
  Subject(const NetworkOptions& n, const TrainOptions& t, const Dataset& set, std::uint32_t seed = 1, int threads = 1)
      : net(make(n, seed, threads, initial)), trainer(net, t, seed, threads, set.size()) {
    trainer.ledger() = initial;
  }
  EpochReport epoch(const Dataset& set) {
    EpochReport report;
    trainer.run_epoch(set, {}, report);
    return report;
  }
  std::vector<std::uint8_t> bytes() const {
    ByteWriter out;
    trainer.save(out);
    return out.bytes();
  }

 private:
  static Network<float> make(const NetworkOptions& n, std::uint32_t seed, int threads, Ledger& ledger) {
    Run run{seed, threads, &ledger, 0};
    return build_network<float>(n, run);
  }
};

}  // namespace small_task

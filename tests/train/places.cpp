// A sample never meets the same noise twice: every read of a training run has a place of its own.
#include <array>
#include <mutex>
#include <set>

#include "eqprop/model/ideal_coupling.h"
#include "tests/catch.h"
#include "tests/train/small_task.h"

using namespace small_task;

namespace {

// (coupling, backward, step, sample, phase, sweep)
using Key = std::array<std::uint32_t, 6>;

struct Record {
  std::mutex guard;
  std::set<Key> seen;
  std::size_t reads = 0;
};

// exact weights that note where they are read
class RecordingCoupling final : public Coupling<float> {
 public:
  RecordingCoupling(const Matrix<float>& weights, std::uint32_t index, Record& record) : exact_(weights), index_(index), record_(record) {}
  Index inputs() const override { return exact_.inputs(); }
  Index outputs() const override { return exact_.outputs(); }
  std::string kind() const override { return "recording"; }
  void forward(const In<float>& pre, Out<float> field, const ReadPlace& place, Run& run) const override {
    note(0, place);
    exact_.forward(pre, field, place, run);
  }
  void backward(const In<float>& post, Out<float> field, const ReadPlace& place, Run& run) const override {
    note(1, place);
    exact_.backward(post, field, place, run);
  }
  Matrix<float> read() const override { return exact_.read(); }
  void update(const WantedChange<float>& change, const Place& place, Run& run) override { exact_.update(change, place, run); }
  void save(ByteWriter& out) const override { exact_.save(out); }
  void restore(ByteReader& in) override { exact_.restore(in); }

 private:
  void note(std::uint32_t backward, const ReadPlace& place) const {
    const std::lock_guard lock(record_.guard);
    for (const std::uint32_t sample : place.samples) {
      record_.seen.insert({index_, backward, place.place.step, sample, place.place.phase, place.place.sweep});
      ++record_.reads;
    }
  }

  IdealCoupling<float> exact_;
  std::uint32_t index_;
  Record& record_;
};

Network<float> recording_network(Cost cost, Record& record) {
  std::vector<Layer> layers{{12, Activation::linear, 0}, {9, Activation::hard_sigmoid, 0}, {4, Activation::hard_sigmoid, 0}};
  std::vector<std::unique_ptr<Coupling<float>>> couplings;
  couplings.push_back(std::make_unique<RecordingCoupling>(initial_weights<float>(12, 9, 1, 1, 0), 0, record));
  couplings.push_back(std::make_unique<RecordingCoupling>(initial_weights<float>(9, 4, 1, 1, 1), 1, record));
  if (cost == Cost::cross_entropy) couplings.push_back(std::make_unique<RecordingCoupling>(initial_weights<float>(4, 4, 1, 1, 2), 2, record));
  return Network<float>(layers, std::move(couplings), cost);
}

}  // namespace

TEST_CASE("two epochs, calibration and evaluation included, never read at the same place twice") {
  const auto train = data(60, 1);
  auto test = data(40, 2);
  for (auto& id : test.ids) id += kTestIdOffset;
  for (const auto cost : {Cost::squared_error, Cost::cross_entropy}) {
    Record record;
    auto net = recording_network(cost, record);
    auto options = training(2);
    if (cost == Cost::cross_entropy) options.rule.rates.push_back(0.1);
    Trainer<float> trainer(net, options, 1, 2, train.size());
    for (int e = 0; e < 2; ++e) {
      EpochReport report;
      trainer.run_epoch(train, {}, report);
      trainer.evaluate(test);
    }
    CHECK(record.reads > 10000);
    CHECK(record.seen.size() == record.reads);
  }
}

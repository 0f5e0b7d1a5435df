// A few steps of every kind, to be run under valgrind: no read of memory that was never written, no access outside, no leak.
#include "tests/catch.h"
#include "tests/train/step_cases.h"

using namespace step_cases;

TEST_CASE("steps of every kind, an evaluation, a checkpoint", "[steps][threads]") {
  const Dataset set = data(30, 1);  // one batch of 20 and one of 10
  for (const Case& c : cases())
    for (const int threads : {1, 2}) {
      INFO(c.name << ", threads " << threads);
      Subject subject(c.network, c.training, set, 1, threads);
      CHECK(subject.epoch(set).sums.samples == 30);
      CHECK(subject.trainer.evaluate(set).samples == 30);
      const auto saved = subject.bytes();
      Subject other(c.network, c.training, set, 1, threads);
      ByteReader in(saved, "checkpoint");
      other.trainer.restore(in);
      CHECK(other.bytes() == saved);
    }
}

#include "eqprop/learn/lost_classes.h"

#include "eqprop/model/types.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("a class is lost when no sample of it moves its output and none is answered with it") {
  Matrix<float> free(3, 4), nudged(3, 4);
  //        class 0: moves   class 1: stuck at 0   class 1 again   class 2: saturated at 1 and answered
  free << 0.2F, 0.9F, 0.5F, 0, 0, 0, 0, 0, 0, 0, 0, 1;
  nudged = free;
  nudged(0, 0) = 0.4F;
  const std::vector<std::int32_t> labels{0, 1, 1, 2};
  LostClasses lost(4);  // class 3 has no samples: not lost
  lost.observe<float>(free, nudged, labels);
  CHECK(lost.lost() == std::vector<int>{1});
  nudged(1, 2) = 0.01F;
  lost.observe<float>(free, nudged, labels);
  CHECK(lost.lost().empty());
}

TEST_CASE("the record survives a save") {
  const Matrix<float> outputs = Matrix<float>::Identity(2, 2);
  LostClasses lost(2);
  lost.observe<float>(outputs, outputs, std::vector<std::int32_t>{1, 0});
  ByteWriter out;
  lost.save(out);
  LostClasses other(2);
  ByteReader in(out.bytes(), "lost");
  other.restore(in);
  CHECK(other.lost() == lost.lost());
  CHECK(lost.lost().size() == 2);
}

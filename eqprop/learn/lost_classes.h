#pragma once
// Lost classes: outputs clamped to [0, 1] with squared error die for good once no sample moves them: below -beta their gradient is exactly
// 0. A class is lost when over a whole epoch no sample of it moved its output in any nudged phase and none of its samples was answered right.
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "eqprop/model/types.h"

namespace eqprop {

class LostClasses {
 public:
  explicit LostClasses(int classes) : seen_(classes, 0), moved_(classes, 0), answered_(classes, 0) {}
  /// One phase of a batch: free and nudged outputs (classes x batch).
  template <class T>
  void observe(const In<T>& free, const In<T>& nudged, std::span<const std::int32_t> labels);
  /// The classes that have samples and are lost, ascending.
  std::vector<int> lost() const;
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  std::vector<std::uint8_t> seen_, moved_, answered_;
};

}  // namespace eqprop

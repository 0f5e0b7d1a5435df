#include "eqprop/learn/lost_classes.h"

namespace eqprop {

template <class T>
void LostClasses::observe(const In<T>& free, const In<T>& nudged, std::span<const std::int32_t> labels) {
  for (Index i = 0; i < free.cols(); ++i) {
    const auto label = static_cast<std::size_t>(labels[static_cast<std::size_t>(i)]);
    Index answer = 0;
    free.col(i).maxCoeff(&answer);
    seen_[label] = 1;
    answered_[static_cast<std::size_t>(answer)] |= static_cast<std::size_t>(answer) == label ? 1 : 0;
    moved_[label] |= free(static_cast<Index>(label), i) != nudged(static_cast<Index>(label), i) ? 1 : 0;
  }
}

std::vector<int> LostClasses::lost() const {
  std::vector<int> out;
  for (std::size_t c = 0; c < seen_.size(); ++c)
    if (seen_[c] != 0 && moved_[c] == 0 && answered_[c] == 0) out.push_back(static_cast<int>(c));
  return out;
}

void LostClasses::save(ByteWriter& out) const {
  for (const auto* flags : {&seen_, &moved_, &answered_}) out.put_array(std::span<const std::uint8_t>(*flags));
}

void LostClasses::restore(ByteReader& in) {
  for (auto* flags : {&seen_, &moved_, &answered_}) in.get_array(std::span<std::uint8_t>(*flags));
}

template void LostClasses::observe<float>(const In<float>&, const In<float>&, std::span<const std::int32_t>);
template void LostClasses::observe<double>(const In<double>&, const In<double>&, std::span<const std::int32_t>);

}  // namespace eqprop

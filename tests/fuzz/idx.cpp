// IDX images and labels against a reader that walks byte by byte. Input: scale, classes, size of the images' part (two bytes), images, labels.
#include "eqprop/data/idx.h"

#include <optional>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

using namespace eqprop;
using fuzz::expect;

std::optional<IdxArray> walk(fuzz::Bytes bytes) {
  fuzz::Input input(bytes.data(), bytes.size());
  const fuzz::Bytes magic = input.take(4);
  if (magic.size() < 4 || magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] == 0) return std::nullopt;
  IdxArray array;
  double total = 1;
  for (int d = 0; d < magic[3]; ++d) {
    const fuzz::Bytes word = input.take(4);
    if (word.size() < 4) return std::nullopt;
    std::uint32_t size = 0;
    for (const std::uint8_t byte : word) size = size * 256 + byte;
    total *= size;
    array.sizes.push_back(size);
  }
  array.values.assign(input.rest().begin(), input.rest().end());
  if (total != static_cast<double>(array.values.size()) || total == 0) return std::nullopt;
  return array;
}

bool fits(const IdxArray& images, const IdxArray& labels, const IdxOptions& options, int brightest) {
  if (images.sizes.size() < 2 || labels.sizes.size() != 1 || images.sizes[0] != labels.sizes[0]) return false;
  for (const std::uint8_t pixel : images.values)
    if (pixel > brightest) return false;
  for (const std::uint8_t label : labels.values)
    if (options.classes > 0 && label >= options.classes) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const int brightest = std::vector<int>{255, 16, 1, 3}[input.byte() % 4];
  IdxOptions options;
  options.scale = 1.0f / static_cast<float>(brightest);
  options.classes = std::vector<int>{0, 10, 2}[input.byte() % 3];
  const std::size_t cut = input.two_bytes();
  const fuzz::Bytes images = input.take(cut), labels = input.rest();

  const auto naive_images = walk(images), naive_labels = walk(labels);
  const auto array = fuzz::accepted([&] { return parse_idx({images.begin(), images.end()}, "images"); });
  expect(array.has_value() == naive_images.has_value(), "both readers accept the array, or none");
  if (array) expect(array->sizes == naive_images->sizes && array->values == naive_images->values, "an array is as stored");

  const auto set = fuzz::accepted([&] {
    return parse_idx_pair({images.begin(), images.end()}, "images", {labels.begin(), labels.end()}, "labels", options);
  });
  const bool good = naive_images && naive_labels && fits(*naive_images, *naive_labels, options, brightest);
  expect(set.has_value() == good, "both readers accept the pair, or none");
  if (!set) return 0;
  expect(set->size() == naive_images->sizes[0] && set->x.size() == naive_images->values.size(), "a sample per label");
  for (std::size_t i = 0; i < set->size(); ++i) {
    expect(set->labels[i] == naive_labels->values[i] && set->labels[i] < set->classes, "labels are as stored");
    expect(set->ids[i] == i, "ids count the samples");
  }
  for (std::size_t i = 0; i < set->x.size(); ++i) {
    const double wanted = naive_images->values[i] / static_cast<double>(brightest);
    expect(set->x[i] <= 1 && set->x[i] > wanted - 1e-6 && set->x[i] < wanted + 1e-6, "pixels are as stored");
  }
  return 0;
}

#include "eqprop/data/idx.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "eqprop/data/file.h"

namespace eqprop {
namespace {

constexpr std::uint8_t kUnsignedByte = 0x08;
constexpr std::size_t kMagicSize = 4;

[[noreturn]] void fail(Code code, const std::string& file, std::size_t offset, const std::string& message, const std::string& remedy) {
  throw InputError(code, {file}, "byte " + std::to_string(offset) + ": " + message, remedy);
}

std::uint32_t big_endian(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | std::uint32_t{p[3]};
}

void check_dimensions(const IdxArray& array, const std::string& file, bool images) {
  const std::size_t count = array.sizes.size();
  if (images ? count >= 2 : count == 1) return;
  fail(Code::wrong_format, file, 3,
       "an array of " + std::to_string(count) + " dimensions, expected " + (images ? "2 or more (samples, rows, ...)" : "1 (samples)"),
       "were images and labels given in this order?");
}

}  // namespace

IdxArray parse_idx(std::vector<std::uint8_t> bytes, const std::string& file) {
  if (bytes.size() < kMagicSize) {
    fail(Code::truncated, file, bytes.size(), "the file ends within the magic number, expected 4 bytes", "fetch the file again");
  }
  if (bytes[0] != 0 || bytes[1] != 0)
    fail(Code::wrong_format, file, 0, "not an IDX file, expected two zero bytes", "is this the right file?");
  if (bytes[2] != kUnsignedByte) {
    fail(Code::wrong_format, file, 2, "values of type " + std::to_string(bytes[2]) + ", expected 8 (unsigned byte)", "convert the file");
  }
  const std::size_t dimensions = bytes[3];
  if (dimensions == 0) fail(Code::truncated, file, 3, "an array of 0 dimensions, expected 1 or more", "is this the right file?");
  const std::size_t header = kMagicSize + 4 * dimensions;
  if (bytes.size() < header) {
    fail(Code::truncated, file, bytes.size(), "the file ends within the header, expected " + std::to_string(header) + " bytes",
         "fetch the file again");
  }

  IdxArray array;
  std::size_t total = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::size_t at = kMagicSize + 4 * d;
    array.sizes.push_back(big_endian(bytes.data() + at));
    const std::size_t size = array.sizes.back();
    if (size == 0)
      fail(Code::damaged, file, at, "dimension " + std::to_string(d) + " has size 0, expected 1 or more", "fetch the file again");
    if (total > std::numeric_limits<std::size_t>::max() / 2 / size)
      fail(Code::truncated, file, at, "the array is too large", "fetch the file again");
    total *= size;
  }
  const std::size_t stored = bytes.size() - header;
  if (stored < total) {
    fail(Code::truncated, file, bytes.size(),
         "the file ends after " + std::to_string(stored) + " values, expected " + std::to_string(total), "fetch the file again");
  }
  if (stored > total) {
    fail(Code::damaged, file, header + total, std::to_string(stored - total) + " bytes follow the last value, expected the end of the file",
         "fetch the file again");
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  array.values = std::move(bytes);
  return array;
}

Dataset parse_idx_pair(std::vector<std::uint8_t> images, const std::string& images_file, std::vector<std::uint8_t> labels,
                       const std::string& labels_file, const IdxOptions& options) {
  check(options.scale > 0.0f && options.scale <= 1.0f, "idx: scale must be in (0, 1]");
  const IdxArray pixels = parse_idx(std::move(images), images_file);
  const IdxArray classes = parse_idx(std::move(labels), labels_file);
  check_dimensions(pixels, images_file, true);
  check_dimensions(classes, labels_file, false);
  const std::size_t count = pixels.sizes[0];
  if (classes.sizes[0] != count) {
    fail(Code::files_disagree, labels_file, kMagicSize,
         std::to_string(classes.sizes[0]) + " labels, expected " + std::to_string(count) + " as in " + images_file,
         "do both files belong to the same set?");
  }
  const std::size_t features = pixels.values.size() / count;
  if (count >= kTestIdOffset || features > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail(Code::wrong_format, images_file, kMagicSize, "too many samples or features", "is this the right file?");
  }

  Dataset data;
  data.name = options.name.empty() ? std::filesystem::path(images_file).filename().string() : options.name;
  data.features = static_cast<int>(features);
  const auto largest = *std::max_element(classes.values.begin(), classes.values.end());
  data.classes = options.classes > 0 ? options.classes : largest + 1;
  if (largest >= data.classes) {
    const auto at = std::find_if(classes.values.begin(), classes.values.end(), [&](int label) { return label >= data.classes; });
    fail(Code::bad_label, labels_file, kMagicSize + 4 + static_cast<std::size_t>(at - classes.values.begin()),
         "label " + std::to_string(*at) + ", expected 0 to " + std::to_string(data.classes - 1), "is this the right file?");
  }
  // by whole bytes, so that the rounding of the scale refuses no largest pixel
  const auto limit = static_cast<int>(std::floor(1.0 / static_cast<double>(options.scale) * (1.0 + 1e-6)));
  const auto above = std::find_if(pixels.values.begin(), pixels.values.end(), [&](int v) { return v > limit; });
  if (above != pixels.values.end()) {
    fail(Code::bad_cell, images_file, kMagicSize + 4 * pixels.sizes.size() + static_cast<std::size_t>(above - pixels.values.begin()),
         "pixel " + std::to_string(*above) + ", expected 0 to " + std::to_string(limit), "set scale to the largest value of a pixel");
  }
  data.x.resize(pixels.values.size());
  std::transform(pixels.values.begin(), pixels.values.end(), data.x.begin(),
                 [&](std::uint8_t v) { return std::min(static_cast<float>(v) * options.scale, 1.0f); });
  data.labels.assign(classes.values.begin(), classes.values.end());
  data.ids.resize(count);
  for (std::size_t i = 0; i < count; ++i) data.ids[i] = options.first_id + static_cast<std::uint32_t>(i);
  return data;
}

Dataset read_idx(const std::filesystem::path& images, const std::filesystem::path& labels, const IdxOptions& options) {
  return parse_idx_pair(read_file(images), images.string(), read_file(labels), labels.string(), options);
}

}  // namespace eqprop

#pragma once
// IDX, the format of MNIST: big-endian, 4 bytes magic (0, 0, type, dimensions), one u32 per dimension, then the values, last index
// fastest (http://yann.lecun.com/exdb/mnist). Only type 0x08, unsigned byte, is read. Plain or gzip.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eqprop/data/dataset.h"

namespace eqprop {

/// An IDX file's content.
struct IdxArray {
  std::vector<std::uint32_t> sizes;  ///< one per dimension
  std::vector<std::uint8_t> values;  ///< product of sizes, last index fastest
};

struct IdxOptions {
  std::string name;             ///< of the data set; empty: the images' file name
  float scale = 1.0f / 255.0f;  ///< x = byte * scale, which must lie in [0, 1]; in (0, 1]
  int classes = 0;              ///< 0: largest label + 1
  std::uint32_t first_id = 0;   ///< id of the first sample; kTestIdOffset for a test set
};

/// Parses IDX bytes; `file` is named in errors. Throws InputError(file) with the byte offset of the damage: wrong magic, another type,
/// truncation, trailing bytes.
IdxArray parse_idx(std::vector<std::uint8_t> bytes, const std::string& file);

/// Images (2 or more dimensions, the first counts samples) and labels (1 dimension) from their bytes; the names are shown in errors.
/// Throws as read_idx does.
Dataset parse_idx_pair(std::vector<std::uint8_t> images, const std::string& images_file, std::vector<std::uint8_t> labels,
                       const std::string& labels_file, const IdxOptions& options = {});

/// Reads images (2 or more dimensions, the first counts samples) and labels (1 dimension).
/// Throws InputError(file) as parse_idx, and when counts differ, a label is not below `classes` or a pixel is above 1 / scale.
Dataset read_idx(const std::filesystem::path& images, const std::filesystem::path& labels, const IdxOptions& options = {});

}  // namespace eqprop

#include "eqprop/data/npy.h"

#include "base/bytes.h"

namespace eqprop {

std::string npy(const Eigen::MatrixXd& matrix) {
  constexpr std::size_t kAlignment = 64;  // of the data, so that the file can be mapped
  constexpr std::size_t kFront = 10;      // magic, version, length of the header
  std::string header =
      "{'descr': '<f8', 'fortran_order': False, 'shape': (" + std::to_string(matrix.rows()) + ", " + std::to_string(matrix.cols()) + "), }";
  header.append((2 * kAlignment - kFront - 1 - header.size() % kAlignment) % kAlignment, ' ');
  header += '\n';
  ByteWriter values;
  values.put<std::uint16_t>(static_cast<std::uint16_t>(header.size()));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) values.put<double>(matrix(i, j));
  const auto* bytes = reinterpret_cast<const char*>(values.bytes().data());
  std::string out("\x93NUMPY\x01\x00", 8);
  out.append(bytes, 2).append(header).append(bytes + 2, values.bytes().size() - 2);
  return out;
}

}  // namespace eqprop

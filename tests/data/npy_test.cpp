// What NumPy's own description of the format says about the bytes, read back without the code that wrote them.
#include "eqprop/data/npy.h"

#include <cstring>

#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("npy: magic, version, header, then the doubles row by row") {
  for (const auto& [rows, columns] : {std::pair<int, int>{1, 1}, {2, 3}, {100, 7}, {1, 100000}, {12345, 1}}) {
    Eigen::MatrixXd m(rows, columns);
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) m(i, j) = 1.0 / (1 + i) - 1e-9 * j;
    const std::string bytes = npy(m);
    REQUIRE(bytes.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
    const std::size_t length = static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
    CAPTURE(rows, columns, length);
    CHECK((10 + length) % 64 == 0);
    const std::string header = bytes.substr(10, length);
    const std::string shape = std::to_string(rows) + ", " + std::to_string(columns);
    CHECK(header.starts_with("{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + "), }"));
    CHECK(header.find_last_not_of(' ') == length - 1);
    CHECK(header.back() == '\n');
    REQUIRE(bytes.size() == 10 + length + 8 * static_cast<std::size_t>(m.size()));
    const char* at = bytes.data() + 10 + length;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j, at += 8) {
        double value = 0;
        std::memcpy(&value, at, 8);
        REQUIRE(value == m(i, j));
      }
  }
}

// Tables of numbers: what is accepted is finite, rectangular, and reads back from its own text to the same numbers.
#include "eqprop/data/matrix_csv.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  fuzz::Input input(data, size);
  const std::string_view text = fuzz::text_of(input.rest());
  const auto matrix = fuzz::accepted([&] { return parse_matrix_csv(text, "fuzz.csv"); });
  if (!matrix) return 0;
  fuzz::expect(matrix->size() > 0 && matrix->allFinite(), "an accepted table has numbers");
  const Eigen::MatrixXd again = parse_matrix_csv(matrix_csv(*matrix), "again.csv");
  fuzz::expect(again.rows() == matrix->rows() && again == *matrix, "a table reads back to the same numbers");
  return 0;
}

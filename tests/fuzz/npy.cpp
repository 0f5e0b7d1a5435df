// .npy files: what is accepted is a matrix of finite numbers, and writing it gives a file that reads back to the same; a vector is its column.
#include "eqprop/data/npy.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  fuzz::Input input(data, size);
  const std::string_view text = fuzz::text_of(input.rest());
  const auto matrix = fuzz::accepted([&] { return parse_npy(text, "fuzz.npy"); });
  const auto vector = fuzz::accepted([&] { return parse_npy_vector(text, "fuzz.npy"); });
  if (vector && !matrix) fuzz::expect(vector->rows() > 0 && vector->cols() == 1 && vector->allFinite(), "a column of finite numbers");
  if (!matrix) return 0;
  fuzz::expect(vector && *vector == *matrix, "what is a matrix is read as one");
  fuzz::expect(matrix->size() > 0 && matrix->allFinite(), "a matrix of finite numbers");
  fuzz::expect(parse_npy(npy(*matrix), "again.npy") == *matrix, "it reads back");
  return 0;
}

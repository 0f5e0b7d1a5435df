// .npy files: what is accepted is a matrix of finite numbers, and writing it gives a file that reads back to the same.
#include "eqprop/data/npy.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  fuzz::Input input(data, size);
  const auto matrix = fuzz::accepted([&] { return parse_npy(fuzz::text_of(input.rest()), "fuzz.npy"); });
  if (!matrix) return 0;
  fuzz::expect(matrix->size() > 0 && matrix->allFinite(), "a matrix of finite numbers");
  fuzz::expect(parse_npy(npy(*matrix), "again.npy") == *matrix, "it reads back");
  return 0;
}

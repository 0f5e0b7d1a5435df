// A plain program (no -march) on libraries built with -march=native. Eigen's memory changes hands: without EIGEN_MAX_ALIGN_BYTES on every
// exported target the two sides disagree on how it was allocated, and freeing it corrupts the heap.
#include <cstdio>

#include "eqprop/model/ideal_coupling.h"

#if defined(__x86_64__) && defined(__AVX__)
#error "the program must be compiled without -march"
#endif
static_assert(EIGEN_MAX_ALIGN_BYTES == 64, "the exported targets set the alignment");

int main() {
  using namespace eqprop;
  double sum = 0;
  double expected = 0;
  for (Index n = 1; n <= 64; ++n) {
    const Matrix<float> weights = Matrix<float>::Constant(n, n + 1, 0.5f);
    expected += 0.5 * static_cast<double>(weights.size());
    IdealCoupling<float> coupling(weights);

    Matrix<float> read = coupling.read();  // allocated by the native library ..
    sum += read.cast<double>().sum();
    read.resize(2 * n, 3 * n);  // .. freed here

    Vector<float> sums = coupling.row_sums();
    sums.conservativeResize(4 * n);  // reallocated here
    coupling.store().resize(n, n);   // the library's own buffer
    coupling.bias() = Vector<float>::Zero(padded_length(n));
  }
  std::printf("sum %g, expected %g\n", sum, expected);
  return sum == expected ? 0 : 1;
}

// add_product: Eigen's bits, whatever the shape and wherever the packed blocks lie.
#include "crossbar/product.h"

#include <array>

#include "eqprop/model/network.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

template <class T>
Matrix<T> numbers(Index rows, Index cols, int seed) {
  return initial_weights<T>(cols, rows, 3, static_cast<std::uint32_t>(seed), 0).leftCols(cols);
}

template <class T>
void check_shape(Index rows, Index cols, Index depth) {
  CAPTURE(rows, cols, depth);
  const Matrix<T> a = numbers<T>(rows, depth, 1), a_turned = a.transpose();
  const Matrix<T> b = numbers<T>(depth, cols, 2), b_turned = b.transpose();
  const Matrix<T> start = numbers<T>(rows, cols, 3);
  Matrix<T> expected = start, out = start;

  expected.noalias() += a * b;
  add_product(T(1), a, b, out);
  CHECK(out == expected);

  expected.noalias() += T(0.3) * a_turned.transpose() * b;
  add_product(T(0.3), a_turned.transpose(), b, out);
  CHECK(out == expected);

  expected.noalias() += T(-2) * a * b_turned.transpose();
  add_product(T(-2), a, b_turned.transpose(), out);
  CHECK(out == expected);
}

}  // namespace

TEMPLATE_TEST_CASE("a product that keeps its memory has Eigen's bits", "[product]", float, double) {
  for (const auto& shape :
       {std::array<Index, 3>{3, 2, 4}, {20, 16, 12}, {64, 785, 32}, {700, 16, 300}, {1, 500, 900}, {500, 1, 900}, {513, 17, 785}})
    check_shape<TestType>(shape[0], shape[1], shape[2]);
  // the larger ones are those that Eigen would allocate for
  CHECK(product_detail::LentBlocking<TestType>(20, 16, 12).fits_the_stack());
  CHECK_FALSE(product_detail::LentBlocking<TestType>(700, 16, 300).fits_the_stack());
}

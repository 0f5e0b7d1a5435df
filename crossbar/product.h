#pragma once
// A matrix product that keeps its memory. Eigen packs blocks of both factors, and allocates them anew in every product that needs more than
// EIGEN_STACK_ALLOCATION_LIMIT (128 KB). Here such blocks belong to the thread and only grow; the arithmetic is Eigen's, bit for bit.
#include <Eigen/Core>

namespace eqprop {

namespace product_detail {

/// Eigen's cut of a product into blocks that fit the caches, with memory lent to it.
template <class T>
class LentBlocking final
    : public Eigen::internal::gemm_blocking_space<Eigen::ColMajor, T, T, Eigen::Dynamic, Eigen::Dynamic, Eigen::Dynamic, 1, false> {
 public:
  using Base = Eigen::internal::gemm_blocking_space<Eigen::ColMajor, T, T, Eigen::Dynamic, Eigen::Dynamic, Eigen::Dynamic, 1, false>;
  using Memory = Eigen::Matrix<T, Eigen::Dynamic, 1>;

  LentBlocking(Eigen::Index rows, Eigen::Index cols, Eigen::Index depth) : Base(rows, cols, depth, 1, true) {}
  LentBlocking(const LentBlocking&) = delete;
  LentBlocking& operator=(const LentBlocking&) = delete;
  ~LentBlocking() { this->m_blockA = this->m_blockB = nullptr; }  // not Eigen's to free

  bool fits_the_stack() const {
    const auto largest = static_cast<Eigen::Index>(EIGEN_STACK_ALLOCATION_LIMIT / sizeof(T));
    return this->mc() * this->kc() <= largest && this->kc() * this->nc() <= largest;
  }
  void lend(Memory& a, Memory& b) {
    if (a.size() < this->mc() * this->kc()) a.resize(this->mc() * this->kc());
    if (b.size() < this->kc() * this->nc()) b.resize(this->kc() * this->nc());
    this->m_blockA = a.data();
    this->m_blockB = b.data();
  }
};

}  // namespace product_detail

/// out += alpha a b. Factors and `out` are blocks in memory, a and b perhaps transposed; `out` is column-major.
template <class A, class B, class Out>
void add_product(typename A::Scalar alpha, const A& a, const B& b, Out&& out) {
  using T = typename A::Scalar;
  using Eigen::Index;
  product_detail::LentBlocking<T> blocking(a.rows(), b.cols(), a.cols());
  if (a.rows() <= 1 || b.cols() <= 1 || blocking.fits_the_stack()) {
    out.noalias() += alpha * a * b;
    return;
  }
  thread_local typename product_detail::LentBlocking<T>::Memory kept_a, kept_b;
  blocking.lend(kept_a, kept_b);
  constexpr int kOrderA = A::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
  constexpr int kOrderB = B::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
  Eigen::internal::general_matrix_matrix_product<Index, T, kOrderA, false, T, kOrderB, false, Eigen::ColMajor, 1>::run(
      a.rows(), b.cols(), a.cols(), a.data(), a.outerStride(), b.data(), b.outerStride(), out.data(), 1, out.outerStride(), alpha, blocking,
      nullptr);
}

}  // namespace eqprop

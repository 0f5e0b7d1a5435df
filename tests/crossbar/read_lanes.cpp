// The inner loops of a read against plain loops in double, on every instruction set that this CPU has.
#include "crossbar/kernel/read_lanes.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

/// Runs body once with each instruction set.
template <class Body>
void on_all_targets(Body body) {
  const std::int64_t all = read_lanes::targets();
  int count = 0;
  for (std::int64_t bit = 1; bit > 0 && bit <= all; bit <<= 1) {
    if ((all & bit) == 0) continue;
    CAPTURE(bit);
    read_lanes::restrict_targets(bit);
    body();
    ++count;
  }
  read_lanes::restrict_targets(0);
  REQUIRE(count >= 1);
}

std::size_t size(Eigen::Index n) { return static_cast<std::size_t>(n); }

struct Sums {
  Eigen::MatrixXf first, second;
};

/// a (rows x depth) times b (depth x columns), and the same of the elementwise squares.
Sums multiply(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, bool both, Eigen::Index depth_block) {
  const Eigen::MatrixXf a2 = a.cwiseAbs2(), b2 = b.cwiseAbs2();
  Sums out{Eigen::MatrixXf::Constant(a.rows(), b.cols(), 99), Eigen::MatrixXf::Constant(a.rows(), b.cols(), 99)};
  read_lanes::multiply({.a = a.data(),
                        .a2 = both ? a2.data() : nullptr,
                        .a_step = size(a.rows()),
                        .b = b.data(),
                        .b2 = b2.data(),
                        .b_step = size(b.rows()),
                        .rows = size(a.rows()),
                        .columns = size(b.cols()),
                        .depth = size(a.cols()),
                        .depth_block = size(depth_block),
                        .sum = out.first.data(),
                        .sum2 = out.second.data(),
                        .sum_step = size(a.rows())});
  return out;
}

}  // namespace

TEST_CASE("the two products of a read are those of Eigen in double, whatever the shape") {
  on_all_targets([] {
    for (const Eigen::Index rows : {1, 3, 4, 7, 8, 10, 15, 16, 17, 31, 32, 47, 64, 100})
      for (const Eigen::Index columns : {1, 2, 5, 6, 7, 12, 16})
        for (const Eigen::Index depth : {1, 9, 130}) {
          CAPTURE(rows, columns, depth);
          const Eigen::MatrixXf a = uniform(rows, depth, 1, 1), b = uniform(depth, columns, 1, 2);
          const Eigen::MatrixXd exact = a.cast<double>() * b.cast<double>();
          const Eigen::MatrixXd exact2 = a.cast<double>().cwiseAbs2() * b.cast<double>().cwiseAbs2();
          for (const Eigen::Index block : {1000, 64}) {
            const Sums both = multiply(a, b, true, block);
            REQUIRE((both.first.cast<double>() - exact).cwiseAbs().maxCoeff() < 2e-5);
            REQUIRE((both.second.cast<double>() - exact2).cwiseAbs().maxCoeff() < 4e-5);
            const Sums one = multiply(a, b, false, block);
            REQUIRE(one.first == both.first);
            REQUIRE(one.second == Eigen::MatrixXf::Constant(rows, columns, 99));
          }
        }
  });
}

TEST_CASE("a product's bits depend on its row and column alone") {
  on_all_targets([] {
    const Eigen::MatrixXf a = uniform(77, 60, 1, 3), b = uniform(60, 13, 1, 4);
    const Eigen::MatrixXf whole = multiply(a, b, true, 1000).first;
    for (const auto& [row, rows] : {std::pair<Eigen::Index, Eigen::Index>{0, 1}, {5, 9}, {60, 17}, {3, 40}})
      for (const auto& [column, columns] : {std::pair<Eigen::Index, Eigen::Index>{0, 1}, {2, 8}, {12, 1}}) {
        CAPTURE(row, rows, column, columns);
        const Sums part = multiply(a.middleRows(row, rows), b.middleCols(column, columns), true, 7);
        CHECK(part.first == whole.block(row, column, rows, columns));
      }
  });
}

TEST_CASE("the converter of the inner loop gives the bits of Converter::convert") {
  on_all_targets([] {
    for (const Rounding rounding : {Rounding::nearest, Rounding::truncate})
      for (const int bits : {0, 2, 8, 20})
        for (const bool unipolar : {false, true})
          for (const Eigen::Index n : {1, 5, 16, 133}) {
            const Converter c{.bits = bits, .range = 0.7, .unipolar = unipolar, .rounding = rounding, .gain = 1.03, .offset = -0.01};
            const Eigen::MatrixXf x = uniform(n, 1, 1, 5);
            Eigen::MatrixXf wanted = x, got(n, 1), sum = Eigen::MatrixXf::Constant(n, 1, 0.25f);
            c.convert(wanted);
            const read_lanes::Codes codes{.on = bits > 0,
                                          .truncate = rounding == Rounding::truncate,
                                          .gain = 1.03f,
                                          .offset = -0.01f,
                                          .low = static_cast<float>(c.lowest_code()),
                                          .high = static_cast<float>(c.highest_code()),
                                          .step = static_cast<float>(c.step())};
            read_lanes::convert(codes, x.data(), size(n), got.data());
            REQUIRE(got == wanted);
            read_lanes::finish({.gain = 1, .white = 0, .variance_gain = 0, .adc = codes}, x.data(), nullptr, nullptr, size(n), sum.data());
            REQUIRE(sum == (wanted.array() + 0.25f).matrix());
          }
  });
}

TEST_CASE("converters with errors of their own give the bits of convert_with") {
  on_all_targets([] {
    for (const Rounding rounding : {Rounding::nearest, Rounding::truncate})
      for (const int bits : {0, 2, 8, 20})
        for (const bool unipolar : {false, true})
          for (const Eigen::Index n : {1, 5, 16, 133}) {
            const Converter c{.bits = bits, .range = 0.7, .unipolar = unipolar, .rounding = rounding, .gain = 1.03, .offset = -0.01};
            const ConverterErrors errors = draw_errors({.gain = 0.1, .offset = 2, .inl = 3}, RandomKey(3, Purpose::test), n, 1);
            const Eigen::MatrixXf x = uniform(n, 1, 1, 5);
            Eigen::MatrixXf wanted = x, sum = Eigen::MatrixXf::Constant(n, 1, 0.25f);
            convert_with(c, errors, wanted);
            const read_lanes::Codes codes{.on = bits > 0,
                                          .truncate = rounding == Rounding::truncate,
                                          .gain = 1.03f,
                                          .offset = -0.01f,
                                          .low = static_cast<float>(c.lowest_code()),
                                          .high = static_cast<float>(c.highest_code()),
                                          .step = static_cast<float>(c.step())};
            const read_lanes::Stage stage{.gain = 1,
                                          .white = 0,
                                          .variance_gain = 0,
                                          .adc = codes,
                                          .errors = {errors.gain.data(), errors.offset.data(), errors.bow.data()}};
            read_lanes::finish(stage, x.data(), nullptr, nullptr, size(n), sum.data());
            REQUIRE(sum == (wanted.array() + 0.25f).matrix());
          }
  });
}

TEST_CASE("noise is the root of the variance times the normal, white and proportional parts added") {
  on_all_targets([] {
    const Eigen::MatrixXf y = uniform(53, 1, 1, 6), variance = uniform(53, 1, 1, 7).cwiseAbs(), xi = uniform(53, 1, 3, 8);
    for (const bool proportional : {false, true}) {
      Eigen::MatrixXf out = Eigen::MatrixXf::Ones(53, 1);
      read_lanes::Stage stage{};
      stage.gain = 2;
      stage.white = 0.3f;
      stage.variance_gain = 0.5f;
      stage.adc.gain = 1;
      read_lanes::finish(stage, y.data(), proportional ? variance.data() : nullptr, xi.data(), 53, out.data());
      for (Eigen::Index i = 0; i < 53; ++i) {
        const double sd = std::sqrt(double{0.3f} + (proportional ? 0.5 * double{variance(i)} : 0.0));
        CHECK(std::abs(out(i) - (1 + 2 * double{y(i)} + sd * double{xi(i)})) < 2e-6);
      }
    }
  });
}

TEST_CASE("a transpose is one, filled up with zeros") {
  on_all_targets([] {
    for (const Eigen::Index rows : {1, 4, 7, 16, 33})
      for (const Eigen::Index columns : {1, 3, 8, 21}) {
        const Eigen::MatrixXf from = uniform(columns, rows, 1, 9);  // from[row][column]
        Eigen::MatrixXf to = Eigen::MatrixXf::Constant(rows + 5, columns, 7);
        read_lanes::transpose(from.data(), size(columns), size(rows), size(columns), to.data(), size(rows + 5), size(rows + 3));
        CHECK(to.topRows(rows) == from.transpose());
        CHECK(to.middleRows(rows, 3) == Eigen::MatrixXf::Zero(3, columns));
        CHECK(to.bottomRows(2) == Eigen::MatrixXf::Constant(2, columns, 7));
      }
  });
}

#include "crossbar/converter.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/energy/message.h"

using namespace eqprop;

namespace {

Eigen::MatrixXf normals(int n, float scale) {
  Eigen::MatrixXf x(n, 1);
  RandomKey(7, Purpose::test).fill_normal({}, 0, x.data(), static_cast<std::size_t>(n));
  return scale * x;
}

}  // namespace

TEST_CASE("a converter is idempotent, monotone and wrong by at most half a step") {
  for (const int bits : {2, 4, 8, 12, 20})
    for (const double range : {1.0, 0.37, 4.2})
      for (const Rounding rounding : {Rounding::nearest, Rounding::truncate})
        for (const bool unipolar : {false, true}) {
          Converter c{.bits = bits, .range = range, .unipolar = unipolar, .rounding = rounding};
          CAPTURE(bits, range, unipolar, static_cast<int>(rounding));
          Eigen::MatrixXf x = normals(4000, static_cast<float>(range));
          std::sort(x.data(), x.data() + x.size());
          Eigen::MatrixXf once = x;
          c.convert(once);
          Eigen::MatrixXf twice = once;
          c.convert(twice);
          CHECK(once == twice);
          const double step = c.step();
          const double low = unipolar ? 0 : -range;
          double worst_up = 0, worst_down = 0, drop = 0;
          for (Eigen::Index i = 0; i < x.size(); ++i) {
            if (i > 0) drop = std::max(drop, double{once(i - 1)} - once(i));
            if (x(i) < low || x(i) > range) continue;
            worst_up = std::max(worst_up, double{once(i)} - x(i));
            worst_down = std::max(worst_down, double{x(i)} - once(i));
          }
          CHECK(drop <= 0);
          const double slack = 1e-6 * range;
          CHECK(worst_up <= (rounding == Rounding::nearest ? step / 2 : 0) + slack);
          CHECK(worst_down <= (rounding == Rounding::nearest ? step / 2 : step) + slack);
          CHECK(worst_down > (bits < 12 ? step / 3 : 0));
        }
}

TEST_CASE("zero and full scale are codes; values outside are clipped and counted") {
  Converter c{.bits = 8, .range = 2};
  Eigen::MatrixXf x(5, 1);
  x << 0, 2, -2, 7, -2.5f;
  CHECK(c.clipped(x) == 2);
  c.convert(x);
  CHECK(x(0) == 0);
  CHECK(x(1) == Approx(2).epsilon(1e-6));
  CHECK(x(2) == Approx(-2).epsilon(1e-6));
  CHECK(x(3) == x(1));
  CHECK(x(4) == x(2));
  c.bits = 0;
  CHECK(c.clipped(x) == 0);
  CHECK(c.step() == 0);
}

TEST_CASE("truncation shifts the mean by half a step, rounding does not") {
  Converter c{.bits = 6, .range = 5};
  const Eigen::MatrixXf x = normals(20000, 1.0f);
  const double sd_of_mean = c.step() / std::sqrt(12.0 * 20000);
  Eigen::MatrixXf y = x;
  c.convert(y);
  CHECK(std::abs((y - x).cast<double>().mean()) < 5 * sd_of_mean);
  c.rounding = Rounding::truncate;
  y = x;
  c.convert(y);
  CHECK(std::abs((y - x).cast<double>().mean() + c.step() / 2) < 5 * sd_of_mean);
}

TEST_CASE("gain and offset act before the codes, and alone when the converter is off") {
  Eigen::MatrixXf x(1, 1);
  x << 0.5f;
  Converter c{.bits = 0, .gain = 1.1, .offset = 0.01};
  c.convert(x);
  CHECK(x(0) == Approx(0.56));
}

TEST_CASE("a bad converter is refused by field, value and range") {
  const auto message = [](Converter c) { return testing::message_of([&] { c.validate("adc"); }); };
  CHECK(testing::has(message({.bits = 1}), "adc.bits = 1 is out of range, allowed is 2 to 20"));
  CHECK(testing::has(message({.range = 0}), "adc.range"));
  CHECK(testing::has(message({.range = std::nan("")}), "adc.range"));
  CHECK(message({}) == "nothing thrown");
}

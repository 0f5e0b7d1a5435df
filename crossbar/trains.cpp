#include "crossbar/trains.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

using Eigen::Index;

/// Which slots fire at probability p = gain |x|, and the signs of x. Numbers are indexed by 32 i + slot.
void fire(const Eigen::Ref<const Eigen::VectorXf>& x, double gain, int slots, const RandomKey& key, const Place& place,
          Eigen::Ref<Trains::Masks> masks, Eigen::Ref<Eigen::MatrixXf> sign) {
  float u[32];
  for (Index i = 0; i < x.size(); ++i) {
    sign(i, 0) = x[i] < 0 ? -1.0f : 1.0f;
    std::uint32_t mask = 0;
    if (x[i] != 0) {
      const auto p = static_cast<float>(gain * std::abs(double{x[i]}));
      key.fill_uniform(place, static_cast<std::uint32_t>(32 * i), u, static_cast<std::size_t>(slots));
      for (int t = 0; t < slots; ++t) mask |= u[t] < p ? 1u << t : 0u;
    }
    masks(i, 0) = mask;
  }
}

}  // namespace

Trains draw_trains(std::span<const OuterProduct> products, double weight_step, int train_length, const RandomKey& line_key,
                   const RandomKey& output_key, const Place& place) {
  check(!products.empty() && weight_step > 0, "trains need a product and a step");
  Index columns = 0;
  for (const OuterProduct& product : products) {
    check(product.lines.cols() == product.outputs.cols(), "an outer product has as many lines' samples as outputs'");
    columns += product.lines.cols();
  }
  const Index lines = products.front().lines.rows(), outputs = products.front().outputs.rows();
  Trains trains;
  trains.lines.resize(lines, columns);
  trains.outputs.resize(outputs, columns);
  trains.line_sign.resize(lines, columns);
  trains.output_sign.resize(outputs, columns);
  Index used = 0;
  std::uint32_t number = 0;
  for (const OuterProduct& product : products)
    for (Index s = 0; s < product.lines.cols(); ++s, ++number) {
      const auto x = product.lines.col(s);
      const auto d = product.outputs.col(s);
      const double x_max = x.cwiseAbs().maxCoeff(), d_max = d.cwiseAbs().maxCoeff();
      const double most = std::abs(product.rate) * x_max * d_max / weight_step;  // pulses wanted at the strongest crossing
      if (!(most > 0 && std::isfinite(most))) continue;
      const int slots = static_cast<int>(std::min(std::ceil(most), static_cast<double>(train_length)));
      const double strongest = std::min(1.0, std::sqrt(most / slots));
      Place here = place;
      here.sample = number;
      fire(x, strongest / x_max, slots, line_key, here, trains.lines.col(used), trains.line_sign.col(used));
      fire(d, strongest / d_max, slots, output_key, here, trains.outputs.col(used), trains.output_sign.col(used));
      if (product.rate < 0) trains.line_sign.col(used) *= -1;
      const std::int64_t crossings = (x.array() != 0).count() * (d.array() != 0).count();
      trains.slots += slots;
      trains.wanted += crossings;
      trains.cut += most > train_length ? crossings : 0;
      ++used;
    }
  trains.lines.conservativeResize(lines, used);
  trains.outputs.conservativeResize(outputs, used);
  trains.line_sign.conservativeResize(lines, used);
  trains.output_sign.conservativeResize(outputs, used);
  return trains;
}

}  // namespace eqprop

#include "crossbar/reference_column.h"

#include <cmath>

namespace eqprop {

using Eigen::Index;

void take_off_reference_noise(const ReferenceNoise& noise, const Eigen::Ref<const Eigen::MatrixXf>& drive, const RandomKey& key, int plane,
                              std::span<const std::uint32_t> sample_ids, Place place, Eigen::Ref<Eigen::MatrixXf> current) {
  constexpr std::uint32_t kBehindOutputs = 1U << 30;
  for (Index k = 0; k < drive.cols(); ++k) {
    double variance = 0;
    for (Index i = 0; i < drive.rows(); ++i) {
      const double g = noise.g(0, i), v = drive(i, k);
      variance += (noise.white + noise.proportional * g * g) * v * v;
    }
    place.sample = sample_ids[static_cast<std::size_t>(k)];
    const float xi = key.normal(place, kBehindOutputs + static_cast<std::uint32_t>(plane));
    current.col(k).array() -= static_cast<float>(std::sqrt(variance)) * xi;
  }
}

void add_reference_variance(const Eigen::MatrixXf& g, const Eigen::Ref<const Eigen::MatrixXf>& drive,
                            Eigen::Ref<Eigen::MatrixXf> variance) {
  for (Index k = 0; k < drive.cols(); ++k) {
    const float sum = drive.col(k).sum();
    for (Index i = 0; i < variance.rows(); ++i) variance(i, k) += g(0, i) * g(0, i) * sum * sum;
  }
}

}  // namespace eqprop

#pragma once
// Samples with labels and stable ids, the carve of a validation set, the order of an epoch, and the gather of a batch.
// Ids, not positions, key all noise: a sample keeps its id through subsets, carves and shuffles.
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace eqprop {

/// Ids of a test set start here, so that training and test ids never collide; training sets have fewer samples than this.
inline constexpr std::uint32_t kTestIdOffset = 1u << 30;

/// Labelled samples of equal size.
struct Dataset {
  std::string name;
  int features = 0;
  int classes = 0;
  std::vector<float> x;              ///< [samples][features], scaled to [0, 1]
  std::vector<std::int32_t> labels;  ///< [samples], 0 <= label < classes
  std::vector<std::uint32_t> ids;    ///< [samples], position in the source file; + kTestIdOffset in a test set

  std::size_t size() const { return labels.size(); }
  /// The features of sample i (a position, not an id).
  std::span<const float> sample(std::size_t i) const {
    const auto width = static_cast<std::size_t>(features);
    return {x.data() + i * width, width};
  }
  /// The samples at these positions, in this order, with their ids.
  Dataset subset(std::span<const std::uint32_t> positions) const;
  /// Number of samples of each class.
  std::vector<std::size_t> class_sizes() const;
};

/// Training ids count from 0; test ids from kTestIdOffset.
struct TrainTest {
  Dataset train;
  Dataset test;
};

/// A training set and the validation set carved from it.
struct Split {
  Dataset train;
  Dataset validation;
};

/// Carves a validation set of round(fraction * size) samples, every class in proportion (within one sample), random by
/// RandomKey{seed, Purpose::split}. Both parts keep the order of the source.
/// Throws InputError(config) when the fraction is not in (0, 1) or a class would have no sample in one of the parts.
Split carve_validation(const Dataset& data, double fraction, std::uint32_t seed);

/// Carves a test set in the same way, by other random numbers of the same seed. Test ids become id + kTestIdOffset; `data` holds training
/// ids. Throws as carve_validation does.
TrainTest carve_test(const Dataset& data, double fraction, std::uint32_t seed);

/// A random order of 0 .. n-1: Fisher-Yates by RandomKey{seed, Purpose::shuffle}, Place.step = epoch.
std::vector<std::uint32_t> shuffled(std::size_t n, std::uint32_t seed, std::uint32_t epoch);

/// Copies the samples at positions `rows` into the columns of x (features x batch), and their labels and ids.
/// All outputs are the caller's and have batch = rows.size() columns or entries.
void gather(const Dataset& data, std::span<const std::uint32_t> rows, Eigen::Ref<Eigen::MatrixXf> x, std::span<std::int32_t> labels,
            std::span<std::uint32_t> ids);
void gather(const Dataset& data, std::span<const std::uint32_t> rows, Eigen::Ref<Eigen::MatrixXd> x, std::span<std::int32_t> labels,
            std::span<std::uint32_t> ids);

/// One-hot targets into y (classes x batch): 1 at the label's row, 0 elsewhere.
void one_hot(std::span<const std::int32_t> labels, Eigen::Ref<Eigen::MatrixXf> y);
void one_hot(std::span<const std::int32_t> labels, Eigen::Ref<Eigen::MatrixXd> y);

/// A batch as the network takes it. Filling again with the same size allocates nothing.
template <class T>
struct Batch {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix x;                          ///< features x batch
  Matrix y;                          ///< classes x batch, one-hot
  std::vector<std::int32_t> labels;  ///< [batch]
  std::vector<std::uint32_t> ids;    ///< [batch]

  std::size_t size() const { return labels.size(); }
  void fill(const Dataset& data, std::span<const std::uint32_t> rows) {
    x.resize(data.features, static_cast<Eigen::Index>(rows.size()));
    y.resize(data.classes, static_cast<Eigen::Index>(rows.size()));
    labels.resize(rows.size());
    ids.resize(rows.size());
    gather(data, rows, x, labels, ids);
    one_hot(labels, y);
  }
};

}  // namespace eqprop

#include "eqprop/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace eqprop {
namespace {

// random order in place; the numbers are those of indices 1 .. n-1 at the place
void shuffle_in_place(std::vector<std::uint32_t>& order, const RandomKey& key, const Place& place) {
  for (std::size_t i = order.size(); i-- > 1;) {
    const auto index = static_cast<std::uint32_t>(i);
    std::swap(order[i], order[key.below(place, index, index + 1)]);
  }
}

// how many samples each class gives: its share rounded down, then one more for the largest remainders
std::vector<std::size_t> class_quotas(const std::vector<std::size_t>& sizes, double fraction) {
  const auto total = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
  const auto wanted = static_cast<std::size_t>(std::llround(fraction * static_cast<double>(total)));
  std::vector<std::size_t> quotas(sizes.size());
  std::vector<double> remainders(sizes.size());
  std::size_t given = 0;
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    const double share = fraction * static_cast<double>(sizes[c]);
    quotas[c] = static_cast<std::size_t>(share);
    remainders[c] = share - std::floor(share);
    given += quotas[c];
  }
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t k = 0; k < order.size() && given < wanted; ++k, ++given) ++quotas[order[k]];
  return quotas;
}

template <class T>
void gather_into(const Dataset& data, std::span<const std::uint32_t> rows, Eigen::Ref<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>> x,
                 std::span<std::int32_t> labels, std::span<std::uint32_t> ids) {
  const auto batch = static_cast<Eigen::Index>(rows.size());
  check(x.rows() == data.features && x.cols() == batch, "gather: x must be features x batch");
  check(labels.size() == rows.size() && ids.size() == rows.size(), "gather: labels and ids must have batch entries");
  for (Eigen::Index column = 0; column < batch; ++column) {
    const auto k = static_cast<std::size_t>(column);
    const std::size_t row = rows[k];
    check(row < data.size(), "gather: a row lies outside the data set");
    const auto from = data.sample(row);
    std::transform(from.begin(), from.end(), x.col(column).data(), [](float v) { return static_cast<T>(v); });
    labels[k] = data.labels[row];
    ids[k] = data.ids[row];
  }
}

template <class T>
void one_hot_into(std::span<const std::int32_t> labels, Eigen::Ref<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>> y) {
  check(y.cols() == static_cast<Eigen::Index>(labels.size()), "one_hot: y must be classes x batch");
  y.setZero();
  for (Eigen::Index k = 0; k < y.cols(); ++k) {
    const auto label = labels[static_cast<std::size_t>(k)];
    check(label >= 0 && label < y.rows(), "one_hot: a label lies outside the classes");
    y(label, k) = T(1);
  }
}

// the first positions rest, the second are carved; `part` names the carve in errors, `number` its random numbers
std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>> carve(const Dataset& data, double fraction, std::uint32_t seed,
                                                                        const std::string& part, std::uint32_t number) {
  if (!(fraction > 0.0 && fraction < 1.0)) {
    throw InputError(Code::carve, {}, part + " fraction is " + std::to_string(fraction) + ", expected a number in (0, 1)");
  }
  const auto sizes = data.class_sizes();
  const auto quotas = class_quotas(sizes, fraction);
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    if (quotas[c] == 0 || quotas[c] == sizes[c]) {
      throw InputError(Code::carve, {},
                       part + " fraction " + std::to_string(fraction) + " of data set '" + data.name + "' leaves class " +
                           std::to_string(c) + " (" + std::to_string(sizes[c]) + " samples) with no sample for " +
                           (quotas[c] == 0 ? part : "training"),
                       "choose another fraction or use more samples");
    }
  }

  // the first of a random order of each class are carved
  std::vector<std::vector<std::uint32_t>> members(sizes.size());
  for (std::size_t i = 0; i < data.size(); ++i) members[static_cast<std::size_t>(data.labels[i])].push_back(static_cast<std::uint32_t>(i));
  const RandomKey key(seed, Purpose::split);
  std::vector<bool> taken(data.size(), false);
  for (std::size_t c = 0; c < members.size(); ++c) {
    shuffle_in_place(members[c], key, Place{.step = static_cast<std::uint32_t>(c), .sweep = number});
    for (std::size_t k = 0; k < quotas[c]; ++k) taken[members[c][k]] = true;
  }

  std::vector<std::uint32_t> rest, carved;
  for (std::size_t i = 0; i < data.size(); ++i) (taken[i] ? carved : rest).push_back(static_cast<std::uint32_t>(i));
  return {std::move(rest), std::move(carved)};
}

}  // namespace

Dataset Dataset::subset(std::span<const std::uint32_t> positions) const {
  Dataset out;
  out.name = name;
  out.features = features;
  out.classes = classes;
  out.x.reserve(positions.size() * static_cast<std::size_t>(features));
  out.labels.reserve(positions.size());
  out.ids.reserve(positions.size());
  for (const std::size_t position : positions) {
    check(position < size(), "subset: a position lies outside the data set");
    const auto from = sample(position);
    out.x.insert(out.x.end(), from.begin(), from.end());
    out.labels.push_back(labels[position]);
    out.ids.push_back(ids[position]);
  }
  return out;
}

std::vector<std::size_t> Dataset::class_sizes() const {
  std::vector<std::size_t> sizes(static_cast<std::size_t>(classes), 0);
  for (const auto label : labels) {
    check(label >= 0 && label < classes, "class_sizes: a label lies outside the classes");
    ++sizes[static_cast<std::size_t>(label)];
  }
  return sizes;
}

Split carve_validation(const Dataset& data, double fraction, std::uint32_t seed) {
  const auto [rest, carved] = carve(data, fraction, seed, "validation", 0);
  return {data.subset(rest), data.subset(carved)};
}

TrainTest carve_test(const Dataset& data, double fraction, std::uint32_t seed) {
  const auto [rest, carved] = carve(data, fraction, seed, "test", 1);
  TrainTest sets{data.subset(rest), data.subset(carved)};
  for (auto& id : sets.test.ids) id += kTestIdOffset;
  return sets;
}

std::vector<std::uint32_t> shuffled(std::size_t n, std::uint32_t seed, std::uint32_t epoch) {
  check(n <= std::numeric_limits<std::uint32_t>::max(), "shuffled: positions are 32 bits wide");
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  shuffle_in_place(order, RandomKey(seed, Purpose::shuffle), Place{.step = epoch});
  return order;
}

void gather(const Dataset& data, std::span<const std::uint32_t> rows, Eigen::Ref<Eigen::MatrixXf> x, std::span<std::int32_t> labels,
            std::span<std::uint32_t> ids) {
  gather_into<float>(data, rows, x, labels, ids);
}

void gather(const Dataset& data, std::span<const std::uint32_t> rows, Eigen::Ref<Eigen::MatrixXd> x, std::span<std::int32_t> labels,
            std::span<std::uint32_t> ids) {
  gather_into<double>(data, rows, x, labels, ids);
}

void one_hot(std::span<const std::int32_t> labels, Eigen::Ref<Eigen::MatrixXf> y) { one_hot_into<float>(labels, y); }
void one_hot(std::span<const std::int32_t> labels, Eigen::Ref<Eigen::MatrixXd> y) { one_hot_into<double>(labels, y); }

}  // namespace eqprop

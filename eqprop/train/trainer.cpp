#include "eqprop/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "eqprop/train/calibrate.h"
#include "eqprop/train/ledger_bytes.h"

namespace eqprop {
namespace {

template <class T>
std::int64_t count_correct(const In<T>& output, std::span<const std::int32_t> labels) {
  std::int64_t correct = 0;
  for (Index i = 0; i < output.cols(); ++i) {
    Index answer = 0;
    output.col(i).maxCoeff(&answer);
    correct += answer == labels[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return correct;
}

template <class T>
BatchView<T> view_of(const Batch<T>& batch) {
  return {view(batch.x), view(batch.y), batch.labels, batch.ids};
}

}  // namespace

template <class T>
Trainer<T>::Trainer(Network<T>& network, const TrainOptions& options, std::uint32_t seed, int threads, std::size_t samples)
    : network_(network),
      options_(options),
      run_{seed, threads, &ledger_, 0},
      samples_(samples),
      rule_(options.rule, network),
      kernel_(make_kernel(network, options, threads)),
      lost_(static_cast<int>(network.outputs())),
      phases_(options) {
  check(samples > 0, "no training samples");
}

template <class T>
Trainer<T>::~Trainer() = default;

template <class T>
bool Trainer<T>::run_epoch(const Dataset& train, const std::function<bool(const Progress&)>& after_step, EpochReport& report) {
  check(train.size() == samples_, "the training set has another size than the trainer was built for");
  if (order_epoch_ != epoch_) {
    order_ = shuffled(train.size(), run_.seed, static_cast<std::uint32_t>(epoch_));
    order_epoch_ = epoch_;
  }
  if (position_ == 0) calibrate(train);
  while (position_ < train.size()) {
    const std::size_t count = std::min(static_cast<std::size_t>(options_.batch), train.size() - position_);
    step(train, std::span<const std::uint32_t>(order_).subspan(position_, count));
    position_ += count;
    samples_trained_ += static_cast<std::int64_t>(count);
    ++step_;
    const bool finished = position_ == train.size();
    if (after_step && !after_step({epoch_ + 1, position_, train.size(), sums_, ledger_}) && !finished) return false;
  }
  report = {epoch_ + 1, sums_, lost_.lost(), wear(), kernel_ != nullptr ? kernel_->path() : Path::general};
  ++epoch_;
  position_ = 0;
  sums_ = {};
  lost_ = LostClasses(static_cast<int>(network_.outputs()));
  return true;
}

template <class T>
void Trainer<T>::step(const Dataset& train, std::span<const std::uint32_t> rows) {
  Batch<T>& batch = rows.size() == static_cast<std::size_t>(options_.batch) ? batch_ : last_batch_;
  batch.fill(train, rows);
  sums_.samples += static_cast<std::int64_t>(rows.size());
  const double progress = (static_cast<double>(epoch_) + static_cast<double>(position_) / static_cast<double>(samples_)) / options_.epochs;
  if (kernel_ != nullptr) {
    const PhasePlan plan = make_plan(options_.estimator, options_.beta, run_.seed, step_);
    kernel_->step(batch, plan, schedule_factor(options_.rule, progress), sums_, lost_, output_);
  } else {
    general_step(batch, progress);
  }
  rule_.decay(step_, progress, network_);
  for (int c = 0; c < network_.coupling_count(); ++c) network_.coupling(c).end_step(step_, run_.threads);
  sums_.correct += count_correct<T>(output_.block(), batch.labels);
  sums_.cost += total_cost<T>(network_.cost(), output_.block(), batch.y);
}

// free phase, the estimator's phases, and the update
template <class T>
void Trainer<T>::general_step(const Batch<T>& batch, double progress) {
  const BatchView<T> seen = view_of(batch);
  Place place;
  place.step = step_;
  phases_.answer(network_, seen, place, kPhaseInput, kPhaseFree, sums_, run_);
  output_.shape(network_.outputs(), batch.x.cols()) = phases_.output();
  if (family_of(options_.estimator) == EstimatorFamily::moving) {
    moving_.run(phases_, seen, place, progress, network_, rule_, sums_, run_);
    return;
  }
  phases_.learn(network_, seen, place, sums_, &lost_, run_);
  place.phase = kPhaseUpdate;
  rule_.apply(phases_.contrast(), seen.x, progress, network_, place, run_);
}

// converter ranges from the states that some samples settle to, free and nudged; two rounds, since the states depend on the ranges
template <class T>
void Trainer<T>::calibrate(const Dataset& train) {
  if (kernel_ != nullptr || options_.calibration_samples == 0) return;
  bool needed = false;
  for (int c = 0; c < network_.coupling_count(); ++c) needed |= !network_.coupling(c).is_ideal();
  if (!needed) return;
  std::vector<std::uint32_t> rows(std::min(train.size(), static_cast<std::size_t>(options_.calibration_samples)));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i * train.size() / rows.size());
  Batch<T> batch;
  batch.fill(train, rows);
  Place place;
  place.step = step_;
  calibrate_ranges(network_, view_of(batch), options_, place, run_);
}

template <class T>
Evaluation Trainer<T>::evaluate(const Dataset& data) {
  constexpr std::size_t kEvaluationBatch = 256;
  Evaluation result;
  Batch<T> batch;
  std::vector<std::uint32_t> rows;
  SettleSums unused;
  double cost = 0;
  std::int64_t correct = 0;
  if (kernel_ == nullptr)
    for (int c = 0; c < network_.coupling_count(); ++c)
      network_.coupling(c).expect_reads(static_cast<std::int64_t>(data.size()), run_.threads);
  for (std::size_t first = 0; first < data.size(); first += kEvaluationBatch) {
    rows.resize(std::min(kEvaluationBatch, data.size() - first));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(first + i);
    batch.fill(data, rows);
    if (kernel_ != nullptr) {
      kernel_->answer(batch, output_);
    } else {
      Place place;
      place.step = step_;
      phases_.answer(network_, view_of(batch), place, kPhaseEvaluate, kPhaseEvaluate, unused, run_);
      output_.shape(network_.outputs(), batch.x.cols()) = phases_.output();
    }
    correct += count_correct<T>(output_.block(), batch.labels);
    cost += total_cost<T>(network_.cost(), output_.block(), batch.y);
  }
  result.samples = data.size();
  result.accuracy = static_cast<double>(correct) / static_cast<double>(data.size());
  result.cost = cost / static_cast<double>(data.size());
  return result;
}

template <class T>
bool Trainer<T>::kernel_state(const Batch<T>& batch, State<T>& state) {
  if (kernel_ == nullptr) return false;
  kernel_->answer(batch, output_);
  kernel_->free_state(state);
  return true;
}

template <class T>
bool Trainer<T>::wait(double second) {
  bool changes = false;
  for (int c = 0; c < network_.coupling_count(); ++c) changes |= network_.coupling(c).wait(second, run_.threads);
  return changes;
}

template <class T>
Wear Trainer<T>::wear() const {
  Wear sum;
  for (int c = 0; c < network_.coupling_count(); ++c) {
    const Wear w = network_.coupling(c).wear();
    sum.devices += w.devices;
    sum.pulses += w.pulses;
    sum.pulses_per_device = std::max(sum.pulses_per_device, w.pulses_per_device);
    sum.clipped += w.clipped;
    sum.capped += w.capped;
  }
  return sum;
}

template <class T>
FaultReport Trainer<T>::faults() const {
  FaultReport sum;
  for (int c = 0; c < network_.coupling_count(); ++c) sum += network_.coupling(c).faults();
  return sum;
}

template <class T>
WireUse Trainer<T>::wire_use() const {
  WireUse sum;
  for (int c = 0; c < network_.coupling_count(); ++c) sum += network_.coupling(c).wire_use();
  return sum;
}

template <class T>
void Trainer<T>::save(ByteWriter& out) const {
  out.put<std::uint32_t>(kShardSamples);  // the cut of a batch is part of the meaning of the bits
  out.put<std::uint32_t>(static_cast<std::uint32_t>(epoch_));
  out.put<std::uint64_t>(position_);
  out.put<std::uint32_t>(step_);
  out.put<std::int64_t>(samples_trained_);
  for (const std::int64_t v :
       {sums_.samples, sums_.correct, sums_.settles, sums_.sweeps, sums_.converged, sums_.noise_floor, sums_.diverged, sums_.dropped})
    out.put(v);
  out.put(sums_.cost);
  out.put(sums_.hardware_second);
  lost_.save(out);
  save_ledger(ledger_, out);
  rule_.save(out);
  for (int c = 0; c < network_.coupling_count(); ++c) network_.coupling(c).save(out);
}

template <class T>
void Trainer<T>::restore(ByteReader& in) {
  if (in.get<std::uint32_t>() != kShardSamples)
    throw InputError(Code::other_version, {}, "the checkpoint was written by a build with another shard size",
                     "use the build that wrote it");
  const auto need = [](bool ok) {
    if (!ok)
      throw InputError(Code::damaged, {}, "the checkpoint's epoch, position or sums are out of range",
                       "the file is damaged: start from another checkpoint");
  };
  constexpr std::uint32_t kLargestEpoch = 1000000;  // as in TrainOptions::validate
  const auto epoch = in.get<std::uint32_t>();
  need(epoch <= kLargestEpoch);
  epoch_ = static_cast<int>(epoch);
  position_ = in.get<std::uint64_t>();
  step_ = in.get<std::uint32_t>();
  samples_trained_ = in.get<std::int64_t>();
  need(position_ <= samples_ && samples_trained_ >= 0 && samples_trained_ <= kLargestCount);
  for (std::int64_t* v : {&sums_.samples, &sums_.correct, &sums_.settles, &sums_.sweeps, &sums_.converged, &sums_.noise_floor,
                          &sums_.diverged, &sums_.dropped}) {
    *v = in.get<std::int64_t>();
    need(*v >= 0 && *v <= kLargestCount);
  }
  sums_.cost = in.get<double>();
  sums_.hardware_second = in.get<double>();
  lost_.restore(in);
  ledger_ = restore_ledger(in);
  rule_.restore(in);
  for (int c = 0; c < network_.coupling_count(); ++c) network_.coupling(c).restore(in);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace eqprop

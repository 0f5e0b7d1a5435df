#pragma once
// Progress of a training on standard error: a bar that is redrawn on a terminal, a plain line per epoch elsewhere.
#include <chrono>
#include <optional>
#include <string>

#include "energy/price_list.h"
#include "experiments/history.h"

namespace eqprop {

class ProgressView {
 public:
  /// `prices` may be null: nothing to price. `epochs_done` are those of an earlier part of the run.
  ProgressView(int epochs, int epochs_done, const PriceList* prices);
  ~ProgressView() { clear(); }
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;

  /// After a step; redraws at most ten times a second.
  void step(const Progress& progress, std::int64_t samples_trained);
  /// After an epoch.
  void epoch(const EpochRow& row, std::int64_t samples_trained);
  /// Takes the bar off the screen, so that a line can be written.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string left(double epochs_done) const;

  bool terminal_;
  bool drawn_ = false;
  int epochs_;
  int first_;  // epochs done before this process
  const PriceList* prices_;
  std::optional<double> validation_;
  std::optional<double> begin_;  // epochs done, a fraction, when the first step was seen
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_{};
};

/// Width of the terminal at standard error, which may change while a run lasts; 80 where there is none.
std::size_t terminal_columns();
/// "[####....] ", `width` characters between the brackets, for a share done of 0 to 1.
std::string bar_text(double done, int width);
/// 12345678 as "12.3 M".
std::string short_count(double count);
/// Seconds as "1:05" or "2:03:07".
std::string clock_text(double seconds);

}  // namespace eqprop

#include "experiments/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/units.h"
#include "experiments/energy_report.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int kBarWidth = 20;

std::int64_t update_pulses(const Ledger& ledger) { return ledger.total(Event::pulse_set).count + ledger.total(Event::pulse_reset).count; }

}  // namespace

std::string short_count(double count) {
  for (const auto& [unit, name] : {std::pair{1e9, " G"}, {1e6, " M"}, {1e3, " k"}})
    if (count >= unit) return fmt::format("{:.3g}{}", count / unit, name);
  return fmt::format("{:.3g}", count);
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

ProgressView::ProgressView(int epochs, int epochs_done, const PriceList* prices)
    : terminal_(isatty(STDERR_FILENO) != 0), epochs_(epochs), first_(epochs_done), prices_(prices) {}

std::string ProgressView::left(double epochs_done) const {
  const double here = epochs_done - begin_.value_or(first_);
  if (here <= 0) return "";
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  return clock_text(seconds / here * (epochs_ - epochs_done)) + " left";
}

void ProgressView::step(const Progress& progress, std::int64_t samples_trained) {
  const double done = progress.epoch - 1 + static_cast<double>(progress.done) / static_cast<double>(progress.total);
  if (!begin_) {
    begin_ = done;
    start_ = Clock::now();
  }
  if (!terminal_ || Clock::now() - last_draw_ < kRedraw) return;
  last_draw_ = Clock::now();
  const int filled = static_cast<int>(kBarWidth * done / epochs_);
  std::string line = fmt::format("epoch {}/{} [{:#<{}}{:.<{}}] ", progress.epoch, epochs_, "", filled, "", kBarWidth - filled);
  line += validation_ ? fmt::format("validation {:.1f} %, ", 100 * *validation_) : std::string();
  line += fmt::format("{:.1f} sweeps", share(static_cast<double>(progress.sums.sweeps), static_cast<double>(progress.sums.settles)));
  if (prices_ != nullptr) {
    const double joule = training_energy(progress.ledger, *prices_).B2 / static_cast<double>(std::max<std::int64_t>(samples_trained, 1));
    line += fmt::format(", {} pulses, {:.4g} nJ per sample (B2)", short_count(static_cast<double>(update_pulses(progress.ledger))),
                        joule * 1e9);
  }
  if (const std::string rest = left(done); !rest.empty()) line += ", " + rest;
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressView::epoch(const EpochRow& row, std::int64_t samples_trained) {
  validation_ = row.validation_accuracy;
  if (terminal_ && row.epoch < epochs_) return;
  clear();
  const auto samples = static_cast<double>(row.sums.samples);
  std::string line = fmt::format("epoch {}/{}: train {:.1f} %, validation {:.1f} %, {:.1f} sweeps", row.epoch, epochs_,
                                 100 * share(static_cast<double>(row.sums.correct), samples), 100 * row.validation_accuracy,
                                 share(static_cast<double>(row.sums.sweeps), static_cast<double>(row.sums.settles)));
  if (row.priced) {
    line += fmt::format(", {} pulses, {:.4g} nJ per sample (B2)", short_count(static_cast<double>(row.pulses)),
                        1e9 * share(row.joule[2], static_cast<double>(samples_trained)));
  }
  const std::string rest = row.epoch < epochs_ ? left(row.epoch) : "";
  say_text(rest.empty() ? line : line + ", " + rest);
}

void ProgressView::clear() {
  if (!drawn_) return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace eqprop

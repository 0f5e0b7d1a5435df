#include "experiments/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/units.h"
#include "experiments/energy_report.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr std::size_t kFallbackColumns = 80;

// one figure of the bar: as it is where there is room, and as short as it gets
struct Figure {
  std::string full;
  std::string brief;
  int rank;  // the lowest goes first where there is no room
};

std::string joined(const std::vector<Figure>& figures, bool brief) {
  std::string text;
  for (const Figure& figure : figures) text += (text.empty() ? "" : ", ") + (brief ? figure.brief : figure.full);
  return text;
}

// the longest form that fits: the bar shrinks, then words, then figures are left out, at last the bar
std::string fitted(const std::string& head, double done, std::vector<Figure> figures, std::size_t room) {
  for (const auto& [width, brief] : {std::pair{20, false}, {10, false}, {20, true}})
    if (const std::string line = head + bar_text(done, width) + joined(figures, brief); line.size() <= room) return line;
  const std::string start = head + bar_text(done, 10);
  while (figures.size() > 1 && start.size() + joined(figures, true).size() > room)
    figures.erase(std::min_element(figures.begin(), figures.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; }));
  const std::string line = start + joined(figures, true);
  return line.size() <= room ? line : (head + joined(figures, true)).substr(0, room);
}

}  // namespace

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kFallbackColumns;
}

std::string bar_text(double done, int width) {
  const int filled = std::clamp(static_cast<int>(width * done), 0, width);
  return "[" + std::string(static_cast<std::size_t>(filled), '#') + std::string(static_cast<std::size_t>(width - filled), '.') + "] ";
}

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
  std::vector<Figure> figures;
  const auto figure = [&](const std::string& full, const std::string& brief, int rank) { figures.push_back({full, brief, rank}); };
  if (validation_) figure(fmt::format("validation {:.1f} %", 100 * *validation_), fmt::format("{:.1f} % valid", 100 * *validation_), 4);
  const double sweeps = share(static_cast<double>(progress.sums.sweeps), static_cast<double>(progress.sums.settles));
  figure(fmt::format("{:.1f} sweeps", sweeps), fmt::format("{:.1f} sweeps", sweeps), 1);
  if (prices_ != nullptr) {
    const std::string pulses = short_count(static_cast<double>(pulses_of(progress.ledger, kPhaseUpdate))) + " pulses";
    figure(pulses, pulses, 2);
    const double joule = training_energy(progress.ledger, *prices_).B2 / static_cast<double>(std::max<std::int64_t>(samples_trained, 1));
    figure(fmt::format("{:.4g} nJ per sample (B2)", joule * 1e9), fmt::format("{:.4g} nJ", joule * 1e9), 3);
  }
  if (const std::string rest = left(done); !rest.empty()) figure(rest, rest, 5);
  const std::string line = fitted(fmt::format("epoch {}/{} ", progress.epoch, epochs_), done / epochs_, figures, terminal_columns() - 1);
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

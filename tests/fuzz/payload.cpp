// What a checkpoint holds: run, history, ledger, trainer, on networks of a few devices. Input: two bytes of mode, then
//   mode 0: edits of a true payload, each four bytes: position (two), value, and what to do (set, insert, cut off here)
//   mode 1: a whole payload;  2: the part behind the data's prints;  3: history rows;  4: a ledger
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "eqprop/train/ledger_bytes.h"
#include "experiments/experiment.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace eqprop;
using fuzz::expect;
using ByteList = std::vector<std::uint8_t>;

constexpr const char* kTable = "1,0,0,0\n0,1,0,1\n0.9,0,0.1,0\n0,0.8,0.2,1\n0.7,0.1,0,0\n0.1,0.9,0,1\n0.8,0,0,0\n0,0.7,0,1\n";

// one run, with the payloads of its beginning, its first step and its first epoch
struct Subject {
  std::unique_ptr<Experiment> run;
  std::array<ByteList, 3> payloads;
  std::size_t tail = 0;  // where the trainer's part begins: behind the prints of the data
};

Subject make(const std::string& more, const std::string& coupling = "ideal") {
  static const fuzz::Folder folder;
  static const auto table = folder.write("table.csv", {reinterpret_cast<const std::uint8_t*>(kTable), std::string_view(kTable).size()});
  const std::string text = "seed = 1\n[data]\nname = \"csv\"\ntrain = \"" + table.string() +
                           "\"\ntest_fraction = 0.25\nvalidation_fraction = 0.3\n[network]\nlayers = [3, 2, 2]\ncoupling = \"" + coupling +
                           "\"\n[train]\nepochs = 3\n" + "batch = 2\nrates = [0.2, 0.1]\n" + more;
  const Config config = parse_config(text, "fuzz.toml");
  Subject out;
  out.run = std::make_unique<Experiment>(config, Places{}, 1);
  Experiment& run = *out.run;
  out.payloads[0] = run.payload();
  EpochReport report;
  run.trainer().run_epoch(
      run.train(), [](const Progress&) { return false; }, report);
  out.payloads[1] = run.payload();
  while (run.trainer().epochs_done() < 1) run.trainer().run_epoch(run.train(), {}, report);
  EpochRow row;
  row.epoch = 1;
  row.sums = report.sums;
  row.validation_accuracy = run.trainer().evaluate(run.validation()).accuracy;
  run.rows.push_back(row);
  out.payloads[2] = run.payload();
  ByteReader head(out.payloads[0], "fuzz");
  for (int i = 0; i < 3; ++i) out.tail += 8 + head.get_string().size();
  out.tail += 3 * sizeof(std::uint64_t);
  return out;
}

std::vector<Subject>& subjects() {
  static std::vector<Subject> all = [] {
    std::vector<Subject> made;
    made.push_back(make("momentum = 0.5\nkernel = false\n"));
    made.push_back(make("kernel = true\n"));
    made.push_back(make("[crossbar]\nmax_rows = 3\nread_noise_proportional = 0.01\nprogramming = \"threshold_accumulate\"\n", "crossbar"));
    return made;
  }();
  return all;
}

ByteList edited(ByteList bytes, fuzz::Input input) {
  while (!input.rest().empty()) {
    const std::size_t at = input.two_bytes();
    const std::uint8_t value = input.byte(), what = input.byte();
    if (at >= bytes.size()) continue;
    if (what % 8 == 1) {
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), value);
    } else if (what % 8 == 2) {
      bytes.resize(at);
    } else {
      bytes[at] = value;
    }
  }
  return bytes;
}

void check_run(Subject& subject, const ByteList& payload) {
  Experiment& run = *subject.run;
  const auto restore = [&](const ByteList& bytes) {
    return fuzz::accepted([&] {
      run.restore_payload(bytes, "fuzz.eqp");
      return true;
    });
  };
  if (!restore(payload)) return;
  const auto rows = run.rows.size();
  expect(run.trainer().epochs_done() >= 0 && run.trainer().epochs_done() <= run.config().train.epochs, "epochs lie within the run");
  expect(rows == static_cast<std::size_t>(run.trainer().epochs_done()), "a row of history per epoch");
  const ByteList saved = run.payload();
  expect(restore(saved).has_value(), "what was saved can be restored");
  expect(run.payload() == saved, "a payload is restored as it was saved");
  // the rest of the program makes do with whatever was restored
  metrics_csv(run.rows);
  ledger_json(run.ledger_file());
  total(run.rows);
  EpochReport report;
  if (run.trainer().epochs_done() < run.config().train.epochs)
    run.trainer().run_epoch(
        run.train(), [](const Progress&) { return false; }, report);
  run.trainer().evaluate(run.validation());
}

void check_rows(fuzz::Bytes bytes) {
  ByteReader in(bytes, "fuzz");
  const auto rows = fuzz::accepted([&] { return restore_rows(in); });
  if (!rows) return;
  ByteWriter out;
  save_rows(*rows, out);
  ByteReader back(out.bytes(), "fuzz");
  const auto again = fuzz::accepted([&] { return restore_rows(back); });
  expect(again && again->size() == rows->size() && back.done(), "rows are restored as they were saved");
  expect(total(*rows).samples >= 0, "sums do not overflow");
}

void check_ledger(fuzz::Bytes bytes) {
  ByteReader in(bytes, "fuzz");
  const auto ledger = fuzz::accepted([&] { return restore_ledger(in); });
  if (!ledger) return;
  ByteWriter out, out_again;
  save_ledger(*ledger, out);
  ByteReader back(out.bytes(), "fuzz");
  const auto again = fuzz::accepted([&] { return restore_ledger(back); });
  expect(again.has_value() && back.done(), "a ledger is restored as it was saved");
  save_ledger(*again, out_again);
  expect(out.bytes() == out_again.bytes(), "a ledger is saved as it was restored");
  for (std::size_t i = 0; i < kEventCount; ++i) expect(ledger->total(static_cast<Event>(i)).count >= 0, "sums do not overflow");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned mode = input.byte() % 5, which = input.byte();
  Subject& subject = subjects()[which % subjects().size()];
  const ByteList& payload = subject.payloads[which / 4 % 3];
  const fuzz::Bytes rest = input.rest();
  if (mode == 0) check_run(subject, edited(payload, input));
  if (mode == 1) check_run(subject, ByteList(rest.begin(), rest.end()));
  if (mode == 2) {
    ByteList bytes(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(subject.tail));
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    check_run(subject, bytes);
  }
  if (mode == 3) check_rows(rest);
  if (mode == 4) check_ledger(rest);
  return 0;
}

// Study files: what is accepted is accepted again with its stored part written anew, to the same figures.
#include "experiments/study_store.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  using fuzz::expect;
  static const Places places = find_places();
  const std::string text(fuzz::text_of({data, size}));
  const auto study = fuzz::accepted([&] { return parse_study(places, text, "fuzz.toml"); });
  if (!study || !study->stored) return 0;
  const std::string written = with_stored(*study, text, *study->stored);
  const auto again = fuzz::accepted([&] { return parse_study(places, written, "written.toml"); });
  if (!again) return 0;  // [stored] was written as one line in the midst of others, which went with it
  expect(again->stored && again->stored->figures.size() == study->stored->figures.size(), "as many stored figures");
  for (std::size_t i = 0; i < study->stored->figures.size(); ++i) {
    const StoredFigure &a = study->stored->figures[i], &b = again->stored->figures[i];
    expect(a.run == b.run && a.figure == b.figure && a.values == b.values && a.tolerance == b.tolerance, "the same stored figure");
  }
  expect(again->trainings() == study->trainings() && again->title == study->title, "the same study");
  return 0;
}

#include "eqprop/data/csv.h"

#include "tests/catch.h"
#include "tests/data/temp_folder.h"

namespace eqprop {
namespace {

using test::contains;
using test::input_error;
using test::TempFolder;

const std::string kTable = "0,8,16,2\n4,4,4,0\n1.6e1,0.5, 2 ,1\n";

CsvOptions sixteen() {
  CsvOptions options;
  options.scale = 16.0;
  return options;
}

TEST_CASE("csv gives scaled features, labels and ids") {
  CsvOptions options = sixteen();
  options.first_id = kTestIdOffset;
  const Dataset data = parse_csv(kTable, "folder/some.csv", options);
  CHECK(data.name == "some.csv");
  CHECK(data.features == 3);
  CHECK(data.classes == 3);
  CHECK(data.x == std::vector<float>{0.0f, 0.5f, 1.0f, 0.25f, 0.25f, 0.25f, 1.0f, 0.03125f, 0.125f});
  CHECK(data.labels == std::vector<std::int32_t>{2, 0, 1});
  CHECK(data.ids == std::vector<std::uint32_t>{kTestIdOffset, kTestIdOffset + 1, kTestIdOffset + 2});
}

TEST_CASE("csv takes line ends, comments, headers and the label's column as they come") {
  const Dataset plain = parse_csv(kTable, "some.csv", sixteen());
  const auto same = [&](const std::string& text, const CsvOptions& options = sixteen()) {
    const Dataset data = parse_csv(text, "some.csv", options);
    CHECK(data.x == plain.x);
    CHECK(data.labels == plain.labels);
  };
  same("0,8,16,2\r\n4,4,4,0\r\n16,0.5,2,1");
  same("# a comment, with commas\n\n" + kTable + "\n   \n# end");
  same("a,b,1x1,label\n" + kTable);
  same("\xEF\xBB\xBF" + kTable);
  CsvOptions options = sixteen();
  options.header = CsvHeader::present;
  same("1,2,3,4\n" + kTable, options);
  options = sixteen();
  options.label_column = LabelColumn::first;
  same("label,x,y,z\n2,0,8,16\n0,4,4,4\n1,16,0.5,2\n", options);
}

TEST_CASE("csv and csv.gz are the same") {
  const TempFolder folder;
  test::write_file(folder / "a.csv", kTable);
  test::write_gz(folder / "a.csv.gz", kTable);
  const Dataset plain = read_csv(folder / "a.csv", sixteen()), packed = read_csv(folder / "a.csv.gz", sixteen());
  CHECK(plain.x == packed.x);
  CHECK(plain.labels == packed.labels);
  CHECK(input_error([&] { read_csv(folder / "none.csv"); })->where().file == (folder / "none.csv").string());
}

TEST_CASE("a bad cell is refused with its line and column") {
  const auto refused = [](const std::string& text, int line, int column, const std::string& part, CsvOptions options = sixteen()) {
    const auto error = input_error([&] { parse_csv(text, "some.csv", options); });
    INFO(text);
    REQUIRE(error);
    INFO(error->what());
    CHECK(error->kind() == InputKind::file);
    CHECK(error->where().file == "some.csv");
    CHECK(error->where().line == line);
    CHECK(error->where().column == column);
    CHECK(contains(error->what(), part));
    CHECK(contains(error->what(), "expected"));
  };
  refused("1,2,0\n3,x4,1\n", 2, 3, "cell 2 is 'x4'");
  refused("1,2,0\n3,,1\n", 2, 3, "expected a number");
  refused("1,2,0\n3, nan,1\n", 2, 4, "finite");
  refused("1,2,0\n3,inf,1\n", 2, 3, "finite");
  refused("1,2,0\n3,-inf,1\n", 2, 3, "finite");
  refused("1,2,0\n3,4,nan\n", 2, 5, "finite");
  refused("1,2,0\n3,17,1\n", 2, 3, "0 to scale = 16");
  refused("1,2,0\n3,-1,1\n", 2, 3, "0 to scale = 16");
  refused("1,2,0\n3,4,1.5\n", 2, 5, "expected a label");
  refused("1,2,0\n3,4,-1\n", 2, 5, "expected a label");
  refused("1,2,0\n3,4,1e9\n", 2, 5, "expected a label");
  refused("1,2,0\n3,4\n", 2, 3, "2 cells in this row, expected 3");
  refused("1,2,0\n\n3,4,1,1\n", 3, 7, "4 cells in this row, expected 3");
  refused("1;2;0\n", 1, 1, "a row of 1 cell");
  refused("1,label\n", 1, 3, "header");
  refused("", 0, 0, "no samples");
  refused("# nothing\na,b\n", 0, 0, "no samples");
  CsvOptions options = sixteen();
  options.classes = 2;
  refused("1,2,0\n3,4,2\n", 2, 5, "from 0 to 1", options);
  options = sixteen();
  options.header = CsvHeader::absent;
  refused("a,b\n1,2\n", 1, 1, "expected a number", options);
  const auto huge = input_error([] { parse_csv("1,1e999,0\n", "some.csv"); });
  REQUIRE(huge);
  CHECK(huge->where().column == 3);

  options.scale = 0.0;
  CHECK(input_error([&] { parse_csv(kTable, "some.csv", options); })->kind() == InputKind::config);
}

}  // namespace
}  // namespace eqprop

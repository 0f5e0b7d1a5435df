#include "eqprop/data/matrix_csv.h"

#include "base/check.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("a table of numbers is read and written") {
  const Eigen::MatrixXd m = parse_matrix_csv("# siemens\n1e-6, 2\n\n0,-3.5\r\n", "g.csv");
  REQUIRE((m.rows() == 2 && m.cols() == 2));
  CHECK(m(0, 0) == 1e-6);
  CHECK(m(0, 1) == 2);
  CHECK(m(1, 0) == 0);
  CHECK(m(1, 1) == -3.5);
  CHECK(parse_matrix_csv(matrix_csv(m), "again.csv") == m);
  CHECK(matrix_csv(Eigen::MatrixXd::Constant(1, 2, 0.1)) == "0.1,0.1\n");
}

TEST_CASE("what is no table of finite numbers is refused with its place") {
  const auto says = [](const std::string& text, int line, int column, const std::string& words, double least = -1e300) {
    try {
      parse_matrix_csv(text, "g.csv", least);
      FAIL("accepted: " + text);
    } catch (const InputError& error) {
      CHECK(error.code() == Code::bad_cell);
      CHECK(error.where().line == line);
      CHECK(error.where().column == column);
      CHECK_THAT(error.message(), Catch::Matchers::Contains(words));
    }
  };
  says("1,2\n3\n", 2, 1, "a row of 1 cells, the first has 2");
  says("1,2\n3, x\n", 2, 4, "'x'");
  says("1,nan\n", 1, 3, "'nan'");
  says("1,1e999\n", 1, 3, "1e999");
  says("1,2,\n", 1, 5, "''");
  says("volts\n1\n", 1, 1, "'volts'");
  says("1,-2\n", 1, 3, "no less than 0", 0);
  says("# nothing\n\n", 0, 0, "without rows");
}

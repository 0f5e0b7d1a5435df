#include "base/check.h"

#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("check names the caller's file", "[base][check]") {
  CHECK_NOTHROW(check(true, "fine"));
  try {
    check(false, "the sky is up");
    FAIL("check let a mistake pass");
  } catch (const std::logic_error& error) {
    const std::string text = error.what();
    CHECK(text.find("check.cpp:") != std::string::npos);
    CHECK(text.find("the sky is up") != std::string::npos);
  }
}

TEST_CASE("InputError says where, what and how to mend it", "[base][check]") {
  const InputError full(Code::conflict, {"a.toml", 3, 7}, "too large", "use less");
  CHECK(std::string(full.what()) == "a.toml:3:7: too large (use less) [EQ-009]");
  CHECK(full.kind() == InputKind::config);
  CHECK(full.where().line == 3);
  CHECK(full.code() == Code::conflict);
  CHECK(InputError(Code::bad_cell, {}, "x").kind() == InputKind::file);
  CHECK(std::string(full.at({"b.toml", 1, 2}).what()) == "b.toml:1:2: too large (use less) [EQ-009]");
  CHECK(std::string(InputError(Code::bad_cell, {"a.csv", 3, 0}, "x").what()) == "a.csv:3: x [EQ-107]");
  CHECK(std::string(InputError(Code::bad_cell, {}, "x").what()) == "x [EQ-107]");
}

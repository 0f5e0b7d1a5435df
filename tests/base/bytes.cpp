#include "base/bytes.h"

#include <cmath>
#include <limits>

#include "base/check.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

std::vector<std::uint8_t> written() {
  ByteWriter out;
  out.put<std::uint32_t>(0x01020304);
  out.put(-0.0);
  out.put<std::int8_t>(-5);
  out.put_string(std::string_view("ep\0 \xC2\xB5", 6));
  out.put_string("");
  const std::vector<float> values{1.5f, -2.25f, std::numeric_limits<float>::infinity()};
  out.put_array(std::span<const float>(values));
  out.put_array(std::span<const double>{});
  const std::vector<std::uint16_t> shorts{7, 65535};
  out.put_array(std::span<const std::uint16_t>(shorts));
  return out.bytes();
}

/// Reads what written() wrote; true if all values are back.
bool read_all(ByteReader& in) {
  bool same = in.get<std::uint32_t>() == 0x01020304;
  same &= std::signbit(in.get<double>());
  same &= in.get<std::int8_t>() == -5;
  same &= in.get_string() == std::string_view("ep\0 \xC2\xB5", 6);
  same &= in.get_string().empty();
  std::vector<float> values(3);
  in.get_array(std::span<float>(values));
  same &= values == std::vector<float>{1.5f, -2.25f, std::numeric_limits<float>::infinity()};
  same &= in.get_vector<double>().empty();
  same &= in.get_vector<std::uint16_t>() == std::vector<std::uint16_t>{7, 65535};
  return same;
}

}  // namespace

TEST_CASE("bytes round trip", "[base][bytes]") {
  const auto bytes = written();
  ByteReader in(bytes, "a.eqp");
  CHECK(read_all(in));
  CHECK(in.done());
}

TEST_CASE("bytes are little-endian", "[base][bytes]") {
  const auto bytes = written();
  CHECK(bytes[0] == 4);
  CHECK(bytes[3] == 1);
}

TEST_CASE("every truncation is an InputError of kind file that names the file", "[base][bytes]") {
  const auto bytes = written();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(std::span<const std::uint8_t>(bytes).first(size), "cut.eqp");
    try {
      read_all(in);
      FAIL("a file cut to " << size << " bytes was read");
    } catch (const InputError& error) {
      CHECK(error.kind() == InputKind::file);
      CHECK(error.where().file == "cut.eqp");
      CHECK(std::string(error.what()).find("undamaged copy") != std::string::npos);
    }
  }
}

TEST_CASE("absurd lengths are damage, not an allocation", "[base][bytes]") {
  for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{1} << 40, ~std::uint64_t{0}, std::uint64_t{1} << 62}) {
    ByteWriter out;
    out.put(length);
    out.put<std::uint16_t>(1);
    CHECK_THROWS_AS(ByteReader(out.bytes(), "x").get_vector<std::uint32_t>(), InputError);
    CHECK_THROWS_AS(ByteReader(out.bytes(), "x").get_string(), InputError);
    std::vector<float> two(2);
    CHECK_THROWS_AS(ByteReader(out.bytes(), "x").get_array(std::span<float>(two)), InputError);
  }
}

#include "base/bytes.h"

#include <bit>
#include <utility>

#include "base/check.h"

namespace eqprop {

// values are copied as they lie in memory
static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian; this machine is not");

namespace {

[[noreturn]] void throw_damage(const std::string& name, std::size_t at, const std::string& what) {
  throw InputError(Code::damaged, {name}, "damaged at byte " + std::to_string(at) + ": " + what,
                   "the file is cut short, altered or written by another version; take an undamaged copy or make it anew");
}

}  // namespace

void ByteWriter::put_string(std::string_view text) {
  put<std::uint64_t>(text.size());
  append(text.data(), text.size());
}

void ByteWriter::append(const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::uint8_t*>(data);
  bytes_.insert(bytes_.end(), begin, begin + size);
}

ByteReader::ByteReader(std::span<const std::uint8_t> bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

std::string ByteReader::get_string() {
  const auto size = get<std::uint64_t>();
  expect_at_most(size, bytes_.size() - at_);
  std::string text(static_cast<std::size_t>(size), '\0');
  take(text.data(), text.size());
  return text;
}

void ByteReader::take(void* out, std::size_t size) {
  const std::size_t left = bytes_.size() - at_;
  if (size > left) throw_damage(name_, at_, std::to_string(size) + " bytes expected, " + std::to_string(left) + " left");
  if (size > 0) std::memcpy(out, bytes_.data() + at_, size);
  at_ += size;
}

void ByteReader::expect_size(std::uint64_t stored, std::size_t wanted) const {
  if (stored != wanted) {
    throw_damage(name_, at_, "an array of " + std::to_string(wanted) + " values expected, one of " + std::to_string(stored) + " found");
  }
}

void ByteReader::expect_at_most(std::uint64_t stored, std::size_t limit) const {
  if (stored > limit) {
    throw_damage(name_, at_, std::to_string(stored) + " values announced, room for " + std::to_string(limit) + " left");
  }
}

}  // namespace eqprop

#pragma once
// Little-endian serial form of values, for checkpoints. Readers check every length and throw InputError(file) on damage.
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace eqprop {

/// Appends values to a byte buffer.
class ByteWriter {
 public:
  template <class V>
  requires std::is_arithmetic_v<V>
  void put(V value) { append(&value, sizeof value); }
  template <class V>
  requires std::is_arithmetic_v<V>
  void put_array(std::span<const V> values) {
    put<std::uint64_t>(values.size());
    append(values.data(), values.size_bytes());
  }
  void put_string(std::string_view text);
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size);
  std::vector<std::uint8_t> bytes_;
};

/// Reads what ByteWriter wrote; `name` is shown in errors (usually the file's path).
class ByteReader {
 public:
  ByteReader(std::span<const std::uint8_t> bytes, std::string name);
  template <class V>
  requires std::is_arithmetic_v<V> V get() {
    V value;
    take(&value, sizeof value);
    return value;
  }
  /// Reads an array of exactly out.size() values; another stored size is damage.
  template <class V>
  requires std::is_arithmetic_v<V>
  void get_array(std::span<V> out) {
    expect_size(get<std::uint64_t>(), out.size());
    take(out.data(), out.size_bytes());
  }
  template <class V>
  requires std::is_arithmetic_v<V> std::vector<V> get_vector() {
    const auto size = get<std::uint64_t>();
    expect_at_most(size, (bytes_.size() - at_) / sizeof(V));
    std::vector<V> out(size);
    take(out.data(), size * sizeof(V));
    return out;
  }
  std::string get_string();
  bool done() const { return at_ == bytes_.size(); }

 private:
  void take(void* out, std::size_t size);
  void expect_size(std::uint64_t stored, std::size_t wanted) const;
  void expect_at_most(std::uint64_t stored, std::size_t limit) const;
  std::span<const std::uint8_t> bytes_;
  std::string name_;
  std::size_t at_ = 0;
};

}  // namespace eqprop

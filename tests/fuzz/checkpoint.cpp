// The checkpoint's container against a naive reader and a naive writer. Input: one byte (1: mend the checksum), then the file.
#include "eqprop/data/checkpoint.h"

#include <optional>

#include "tests/fuzz/fuzz.h"

namespace {

using namespace eqprop;
using fuzz::expect;
using ByteList = std::vector<std::uint8_t>;

// CRC-32 bit by bit (ISO 3309)
std::uint32_t checksum(fuzz::Bytes bytes) {
  std::uint32_t crc = ~0u;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

void put(ByteList& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

ByteList container(fuzz::Bytes payload) {
  ByteList out = {'E', 'Q', 'P', 'C', 'K', 'P', 'T', 0};
  put(out, kCheckpointVersion, 4);
  put(out, payload.size(), 8);
  out.insert(out.end(), payload.begin(), payload.end());
  put(out, checksum(out), 4);
  return out;
}

// the only container of its payload is the one that would be written
std::optional<ByteList> payload_of(fuzz::Bytes bytes) {
  if (bytes.size() < 24) return std::nullopt;
  const fuzz::Bytes payload = bytes.subspan(20, bytes.size() - 24);
  const ByteList written = container(payload);
  if (ByteList(bytes.begin(), bytes.end()) != written) return std::nullopt;
  return ByteList(payload.begin(), payload.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool mend = input.byte() == 1;
  const fuzz::Bytes rest = input.rest();
  ByteList bytes(rest.begin(), rest.end());
  if (mend && bytes.size() >= 4) {
    bytes.resize(bytes.size() - 4);
    put(bytes, checksum(bytes), 4);
  }
  const auto payload = fuzz::accepted([&] { return parse_checkpoint(bytes, "fuzz.eqp"); });
  expect(payload == payload_of(bytes), "both readers find the same payload, or none");

  const auto whole = fuzz::accepted([&] { return parse_checkpoint(container(bytes), "fuzz.eqp"); });
  expect(whole && *whole == bytes, "a container gives back what is in it");
  static const fuzz::Folder folder;
  const auto file = folder.path() / "fuzz.eqp";
  write_checkpoint(file, bytes);
  const auto stored = fuzz::accepted([&] { return read_checkpoint(file); });
  expect(stored && *stored == bytes, "a checkpoint gives back what was written");
  return 0;
}

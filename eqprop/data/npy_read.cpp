// Reading a .npy file: its header is a Python dictionary of three keys, then come the numbers.
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "eqprop/data/file.h"
#include "eqprop/data/npy.h"

namespace eqprop {
namespace {

static_assert(std::endian::native == std::endian::little, "little-endian numbers are read as they are");
constexpr std::size_t kMostNumbers = std::size_t{1} << 28;

struct Header {
  std::size_t bytes = 0;  // before the numbers
  std::size_t width = 0;  // of a number: 4 or 8
  bool fortran = false;   // columns one after the other
  Eigen::Index rows = 0, cols = 0;
};

class HeaderReader {
 public:
  HeaderReader(std::string_view bytes, const std::string& file, bool vector) : bytes_(bytes), file_(file), vector_(vector) {}

  Header read() {
    if (!bytes_.starts_with("\x93NUMPY") || bytes_.size() < 10) fail(Code::wrong_format, "this is no .npy file");
    const int version = static_cast<unsigned char>(bytes_[6]);
    if (version < 1 || version > 3) fail(Code::wrong_format, ".npy of a version that is not known");
    const std::size_t prefix = version == 1 ? 10 : 12;
    std::size_t length = 0;
    for (std::size_t i = prefix; i-- > 8;) length = length << 8 | (i < bytes_.size() ? static_cast<unsigned char>(bytes_[i]) : 0u);
    if (bytes_.size() < prefix || length > bytes_.size() - prefix) fail(Code::truncated, "the file ends within its header");
    text_ = bytes_.substr(prefix, length);
    Header header;
    header.bytes = prefix + length;
    const std::string_view type = value("descr");
    header.width = type.starts_with("'<f4'") ? 4 : type.starts_with("'<f8'") ? 8 : 0;
    if (header.width == 0) fail(Code::wrong_format, "expected numbers of type float32 or float64, little-endian");
    header.fortran = value("fortran_order").starts_with("True");
    read_shape(value("shape"), header);
    return header;
  }

  [[noreturn]] void fail(Code code, const std::string& message) const {
    throw InputError(code, {file_}, message,
                     vector_ ? "numpy.save('b.npy', b.astype('float32')) of a vector writes one"
                             : "numpy.save('W.npy', W.astype('float32')) of a matrix writes one");
  }

 private:
  std::string_view value(const std::string& key) const {
    const std::size_t at = text_.find("'" + key + "'");
    const std::size_t colon = at == std::string_view::npos ? at : text_.find(':', at);
    const std::size_t begin = colon == std::string_view::npos ? colon : text_.find_first_not_of(' ', colon + 1);
    if (begin == std::string_view::npos) fail(Code::wrong_format, "the header has no `" + key + "`");
    return text_.substr(begin);
  }

  void read_shape(std::string_view shape, Header& header) const {
    std::size_t sizes[2] = {0, 0};
    int count = 0;
    const std::size_t end = shape.find(')');
    if (!shape.starts_with('(') || end == std::string_view::npos) fail(Code::wrong_format, "the header's shape is none");
    for (std::size_t i = 1; i < end; ++i) {
      if (shape[i] == ',' || shape[i] == ' ') continue;
      if (shape[i] < '0' || shape[i] > '9') fail(Code::wrong_format, "the header's shape is none");
      std::size_t size = 0;
      for (; i < end && shape[i] >= '0' && shape[i] <= '9'; ++i)
        if ((size = size * 10 + static_cast<std::size_t>(shape[i] - '0')) > kMostNumbers)
          fail(Code::wrong_format, "the array is too large");
      if (count == 2) fail(Code::wrong_format, "expected a matrix, this array has more than two dimensions");
      sizes[count++] = size;
    }
    if (vector_ && count == 1) sizes[count++] = 1;
    if (count != 2 || sizes[0] == 0 || sizes[1] == 0 || sizes[0] > kMostNumbers / sizes[1])
      fail(Code::wrong_format, vector_ ? "expected a vector: one dimension that is not 0, or a matrix of one row or column"
                                       : "expected a matrix: two dimensions, neither of them 0");
    header.rows = static_cast<Eigen::Index>(sizes[0]);
    header.cols = static_cast<Eigen::Index>(sizes[1]);
  }

  std::string_view bytes_;
  const std::string& file_;
  const bool vector_;  // one dimension will do
  std::string_view text_;
};

Eigen::MatrixXd parse(std::string_view bytes, const std::string& file, bool vector) {
  HeaderReader reader(bytes, file, vector);
  const Header header = reader.read();
  const auto count = static_cast<std::size_t>(header.rows * header.cols);
  if (bytes.size() - header.bytes < count * header.width) reader.fail(Code::truncated, "the file ends before its last number");
  if (bytes.size() - header.bytes > count * header.width) reader.fail(Code::damaged, "the file goes on behind its last number");
  Eigen::MatrixXd matrix(header.rows, header.cols);
  for (std::size_t k = 0; k < count; ++k) {
    const char* at = bytes.data() + header.bytes + k * header.width;
    double x = 0;
    if (float narrow = 0; header.width == 4) {
      std::memcpy(&narrow, at, sizeof narrow);
      x = double{narrow};
    } else {
      std::memcpy(&x, at, sizeof x);
    }
    const auto i = static_cast<Eigen::Index>(k);
    const Eigen::Index row = header.fortran ? i % header.rows : i / header.cols, col = header.fortran ? i / header.rows : i % header.cols;
    if (!std::isfinite(x))
      throw InputError(Code::bad_cell, {file},
                       "row " + std::to_string(row + 1) + ", column " + std::to_string(col + 1) + " is no finite number");
    matrix(row, col) = x;
  }
  return matrix;
}

Eigen::MatrixXd read(const std::filesystem::path& path, bool vector) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), vector);
}

}  // namespace

Eigen::MatrixXd parse_npy(std::string_view bytes, const std::string& file) { return parse(bytes, file, false); }
Eigen::MatrixXd parse_npy_vector(std::string_view bytes, const std::string& file) { return parse(bytes, file, true); }
Eigen::MatrixXd read_npy(const std::filesystem::path& path) { return read(path, false); }
Eigen::MatrixXd read_npy_vector(const std::filesystem::path& path) { return read(path, true); }

}  // namespace eqprop

#include "experiments/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "base/check.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

constexpr long kConnectSeconds = 20;
constexpr long kStallSeconds = 30;  // without a byte
constexpr long kPartial = 206;      // HTTP: the range that was asked for
constexpr long kRangeRefused = 416;

[[noreturn]] void fail_write(const fs::path& path, int error) {
  throw InputError(Code::cannot_write, {path.string()}, std::string("cannot write: ") + std::strerror(error),
                   error == ENOSPC || error == EDQUOT ? "free some space, then run the same command again: it goes on from here"
                                                      : "expected a folder one may write to; `--folder DIR` names another");
}

// the .part file, ours alone while it is open
class PartFile {
 public:
  explicit PartFile(fs::path path) : path_(std::move(path)), file_(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0) fail_write(path_, errno);
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      close(file_);
      throw InputError(Code::cannot_write, {path_.string()}, "another program is fetching this file",
                       "wait for it, then run the command again");
    }
    size_ = lseek(file_, 0, SEEK_END);
  }
  ~PartFile() { close(file_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const fs::path& path() const { return path_; }
  std::int64_t size() const { return size_; }
  int error() const { return error_; }
  bool begin_again() {
    size_ = 0;
    return ftruncate(file_, 0) == 0 && lseek(file_, 0, SEEK_SET) == 0 ? true : keep_error();
  }
  bool append(const char* bytes, std::size_t count) {
    while (count > 0) {
      const ssize_t written = write(file_, bytes, count);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return keep_error();
      bytes += written;
      count -= static_cast<std::size_t>(written);
      size_ += written;
    }
    return true;
  }

 private:
  bool keep_error() {
    error_ = errno;
    return false;
  }
  fs::path path_;
  int file_;
  int error_ = 0;
  std::int64_t size_ = 0;
};

struct Transfer {
  CURL* curl;
  PartFile& part;
  std::int64_t expected;
  const OnBytes& on_bytes;
  bool begun = false;
  bool too_long = false;
};

std::size_t on_data(char* bytes, std::size_t, std::size_t count, void* pointer) {
  auto& transfer = *static_cast<Transfer*>(pointer);
  if (!transfer.begun) {
    transfer.begun = true;
    long answer = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &answer);
    // 0: a file on this machine, whose ranges are always kept
    if (answer != kPartial && answer != 0 && transfer.part.size() > 0 && !transfer.part.begin_again()) return 0;
  }
  transfer.too_long = transfer.part.size() + static_cast<std::int64_t>(count) > transfer.expected;
  return !transfer.too_long && transfer.part.append(bytes, count) ? count : 0;
}

int on_progress(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<Transfer*>(pointer);
  return transfer.on_bytes(transfer.part.size()) ? 0 : 1;
}

struct CloseCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

void set_options(Transfer& transfer, const std::string& url, char* words) {
  const auto set = [&](CURLoption option, auto value) {
    check(curl_easy_setopt(transfer.curl, option, value) == CURLE_OK, "libcurl option");
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https,file");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  set(CURLOPT_USERAGENT, "eqprop/" EQPROP_VERSION);
  set(CURLOPT_ERRORBUFFER, words);
  set(CURLOPT_WRITEFUNCTION, &on_data);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  if (transfer.part.size() > 0) set(CURLOPT_RANGE, (std::to_string(transfer.part.size()) + "-").c_str());
}

[[noreturn]] void fail_transfer(const std::string& url, const std::string& why) {
  throw InputError(Code::not_fetched, {url}, why,
                   "run the same command again, it goes on where it stopped; `--mirror URL` takes another server");
}

FetchEnd transfer_rest(const std::string& url, const DataFile& file, PartFile& part, const OnBytes& on_bytes) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CloseCurl> curl(curl_easy_init());
  check(ready == CURLE_OK && curl != nullptr, "libcurl starts");
  Transfer transfer{curl.get(), part, file.bytes, on_bytes};
  char words[CURL_ERROR_SIZE] = "";
  set_options(transfer, url, words);
  const CURLcode end = curl_easy_perform(curl.get());
  if (end == CURLE_ABORTED_BY_CALLBACK) return FetchEnd::stopped;
  if (part.error() != 0) fail_write(part.path(), part.error());
  if (transfer.too_long) {
    fs::remove(part.path());
    throw InputError(Code::damaged, {url}, "the server sends more than the " + std::to_string(file.bytes) + " bytes expected",
                     "this is another file; `--mirror URL` takes another server");
  }
  long answer = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer);
  if (end == CURLE_HTTP_RETURNED_ERROR && answer == kRangeRefused && part.size() > 0) {
    if (!part.begin_again()) fail_write(part.path(), part.error());
    return transfer_rest(url, file, part, on_bytes);
  }
  if (end == CURLE_HTTP_RETURNED_ERROR)
    fail_transfer(url, "the server answers " + std::to_string(answer) + (answer == 404 ? " (no such file)" : "") + ", expected 200 or 206");
  const std::string came = std::to_string(part.size()) + " of " + std::to_string(file.bytes) + " bytes came";
  if (end != CURLE_OK) fail_transfer(url, std::string(words[0] != '\0' ? words : curl_easy_strerror(end)) + "; " + came);
  if (part.size() < file.bytes) fail_transfer(url, "the transfer ended early: " + came);
  return FetchEnd::done;
}

// nobody needs a .part file in which nothing came
void drop_empty(const PartFile& part) {
  std::error_code ignored;
  if (part.size() == 0) fs::remove(part.path(), ignored);
}

}  // namespace

FetchEnd fetch_file(const std::string& url, const DataFile& file, const fs::path& folder, const OnBytes& on_bytes) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) fail_write(folder, failed.value());
  PartFile part(folder / (file.name + ".part"));
  if (part.size() > file.bytes && !part.begin_again()) fail_write(part.path(), part.error());
  if (part.size() < file.bytes) {
    try {
      if (transfer_rest(url, file, part, on_bytes) == FetchEnd::stopped) {
        drop_empty(part);
        return FetchEnd::stopped;
      }
    } catch (const InputError&) {
      drop_empty(part);
      throw;
    }
  }
  if (const std::string got = sha256_of(part.path()); got != file.sha256) {
    fs::remove(part.path());
    throw InputError(Code::damaged, {url}, "wrong checksum: expected sha256 " + file.sha256 + ", got " + got + "; what came was removed",
                     "run the command again; `--mirror URL` takes another server");
  }
  fs::rename(part.path(), folder / file.name, failed);
  if (failed) fail_write(folder / file.name, failed.value());
  return FetchEnd::done;
}

}  // namespace eqprop

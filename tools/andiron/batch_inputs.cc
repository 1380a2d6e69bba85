#include "tools/andiron/batch_inputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace andiron {
namespace {

bool IsStdin(const std::string& file) { return file == "-"; }

// Together; 0 if one of them has none.
std::int64_t SizeOf(const std::vector<std::string>& files) {
  std::int64_t total = 0;
  for (const std::string& file : files) {
    struct stat status{};
    const int error = IsStdin(file) ? fstat(STDIN_FILENO, &status) : stat(file.c_str(), &status);
    if (error != 0 || !S_ISREG(status.st_mode)) return 0;
    total += status.st_size;
  }
  return total;
}

const char* Unit(Split split) {
  switch (split) {
    case Split::kLine:
      return "line";
    case Split::kNul:
      return "part";
    case Split::kFile:
      return "file";
  }
  return "part";
}

}  // namespace

BatchInputs::BatchInputs(uv_loop_t* loop, std::vector<std::string> files, Split split, std::size_t payload_max,
                         std::function<void()> more)
    : loop_(loop),
      files_(files.empty() ? std::vector<std::string>{"-"} : std::move(files)),
      split_(split),
      payload_max_(payload_max),
      more_(std::move(more)),
      splitter_(split, payload_max),
      bytes_total_(SizeOf(files_)) {}

const std::string& BatchInputs::name() const {
  static const std::string stdin_name = "stdin";
  const std::string& file = files_[opened_ - 1];
  return IsStdin(file) ? stdin_name : file;
}

std::string BatchInputs::Place() const {
  return split_ == Split::kFile ? name() : name() + ":" + std::to_string(splitter_.number());
}

std::optional<BatchInputs::Payload> BatchInputs::Next() {
  while (!over_) {
    if (!input_open_) {
      OpenNext();
      continue;
    }
    std::optional<std::string> payload = splitter_.Next();
    if (payload.has_value()) return Payload{Place(), std::move(*payload), false};
    if (splitter_.too_large() && pass_over_) {
      splitter_.PassOver();
      return Payload{Place(), "", true};
    }
    if (splitter_.too_large()) {
      Fail(Place() + ": this " + Unit(split_) + " is larger than max_payload (" + std::to_string(payload_max_) +
           " bytes); raise it with --max_payload");
    } else if (splitter_.exhausted()) {
      input_open_ = false;
    } else {
      reader_->Resume();
      return std::nullopt;
    }
  }
  return std::nullopt;
}

void BatchInputs::OpenNext() {
  reader_.reset();
  descriptor_.Reset();
  if (opened_ == files_.size()) {
    over_ = true;
    return;
  }
  const std::string& file = files_[opened_++];
  if (!IsStdin(file)) {
    // A pipe with a name that nobody writes to yet must not stop the loop.
    descriptor_ = UniqueFd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!descriptor_) {
      Fail(file + ": " + std::strerror(errno));
      return;
    }
  }
  input_open_ = true;
  splitter_.BeginInput();
  const auto arrived = [this](std::string_view bytes) {
    reader_->Pause();
    bytes_read_ += static_cast<std::int64_t>(bytes.size());
    splitter_.Add(bytes);
    more_();
  };
  const auto ended = [this](int error) {
    if (error != 0) Fail(name() + ": " + std::strerror(error));
    splitter_.EndInput();
    more_();
  };
  reader_ = std::make_unique<InputReader>(loop_, descriptor_ ? descriptor_.get() : STDIN_FILENO, arrived, ended);
}

void BatchInputs::Fail(std::string error) {
  error_ = std::move(error);
  Close();
}

void BatchInputs::Close() {
  over_ = true;
  if (reader_) reader_->Pause();
}

std::optional<double> BatchInputs::fraction() const {
  if (bytes_total_ == 0) return std::nullopt;
  const std::int64_t taken = bytes_read_ - static_cast<std::int64_t>(splitter_.waiting());
  return std::min(1.0, static_cast<double>(taken) / static_cast<double>(bytes_total_));
}

}  // namespace andiron

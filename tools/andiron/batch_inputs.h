// The payloads of `andiron run`, from its FILEs or stdin one after the other, read only as far as somebody asks.
//
// Holds one unfinished payload and one chunk, not more. Runs on the loop's thread and never makes it wait.
#ifndef ANDIRON_TOOLS_ANDIRON_BATCH_INPUTS_H_
#define ANDIRON_TOOLS_ANDIRON_BATCH_INPUTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/andiron/payload_splitter.h"
#include "worker/base/unique_fd.h"
#include "worker/console/input_reader.h"

namespace andiron {

class BatchInputs {
 public:
  // `more` is called after a Next() that gave nothing, when another try is worth it. No files = stdin, as is "-".
  BatchInputs(uv_loop_t* loop, std::vector<std::string> files, Split split, std::size_t payload_max,
              std::function<void()> more);

  struct Payload {
    std::string place;  // "names.txt:3", "stdin:3"; with --split=file the file's name
    std::string bytes;
    bool too_large = false;  // and without its bytes
  };
  std::optional<Payload> Next();

  // A payload over the limit doesn't end it all: it is given without its bytes, and what follows it is, too.
  void PassOverTooLarge() { pass_over_ = true; }

  // Nothing follows: all was taken, it was closed, or it failed; then error() says what and where.
  bool over() const { return over_; }
  const std::string& error() const { return error_; }
  void Close();

  // How much of it was taken, 0 to 1, where every input is a file whose size is known.
  std::optional<double> fraction() const;

 private:
  void OpenNext();
  void Fail(std::string error);
  std::string Place() const;
  const std::string& name() const;

  uv_loop_t* loop_;
  std::vector<std::string> files_;
  Split split_;
  std::size_t payload_max_;
  std::function<void()> more_;
  PayloadSplitter splitter_;
  std::size_t opened_ = 0;  // of files_
  UniqueFd descriptor_;     // of the file that is read, but for stdin
  std::unique_ptr<InputReader> reader_;
  bool input_open_ = false;
  bool over_ = false;
  bool pass_over_ = false;
  std::string error_;
  std::int64_t bytes_total_ = 0;  // 0 = not known
  std::int64_t bytes_read_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_BATCH_INPUTS_H_

// Writes to a descriptor that others share, such as stdout, without ever making the loop wait for who reads it.
//
// What isn't taken at once waits in memory: `pending` says how much, and who writes must stop when it grows. The open
// file's flags stay as they are. Needs SIGPIPE ignored. The descriptor isn't owned (a duplicate is). One thread.
#ifndef ANDIRON_WORKER_CONSOLE_OUTPUT_WRITER_H_
#define ANDIRON_WORKER_CONSOLE_OUTPUT_WRITER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"

namespace andiron {

class OutputWriter {
 public:
  // `changed` is called from the loop when more of what waited has been written, and when that has failed (also if
  // nothing waits: a pipe's reader is missed as soon as it is gone). Never from within Write.
  OutputWriter(uv_loop_t* loop, int descriptor, std::function<void()> changed);

  // After an error the bytes are dropped.
  void Write(std::string_view bytes);

  std::size_t pending() const { return buffer_.size() - written_; }
  // 0, or the errno that ended it: EPIPE when nobody reads any more.
  int error() const { return error_; }

 private:
  void Flush();
  void Watch();
  void OnEvent(int status);
  void Fail(int error);

  UniqueFd descriptor_;
  std::function<void()> changed_;
  UvHandle<uv_poll_t> poll_;
  bool is_pipe_ = false;
  std::size_t chunk_bytes_ = 0;
  std::string buffer_;
  std::size_t written_ = 0;  // of buffer_
  int error_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONSOLE_OUTPUT_WRITER_H_

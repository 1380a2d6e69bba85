// Reads a descriptor without ever making the loop wait for it, and only when told to.
//
// Pipes, terminals and sockets are read when they are readable; regular files, which can't be polled, one chunk per
// loop turn. The open file's flags stay as they are: O_NONBLOCK would be seen by every process that shares it.
// Errors: `ended` gets an errno. The descriptor must stay open as long as the reader lives; it isn't owned. One thread.
#ifndef ANDIRON_WORKER_CONSOLE_INPUT_READER_H_
#define ANDIRON_WORKER_CONSOLE_INPUT_READER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"

namespace andiron {

class InputReader {
 public:
  static constexpr std::size_t kChunkBytes = 64 << 10;

  // `arrived` gets at most kChunkBytes; `ended` is called once, with 0 at the end of the input or an errno. Either
  // may pause, resume or (as its last act) destroy the reader. Starts paused.
  InputReader(uv_loop_t* loop, int descriptor, std::function<void(std::string_view)> arrived,
              std::function<void(int)> ended);

  void Resume();
  void Pause();

 private:
  void ReadOnce();

  UniqueFd descriptor_;  // a duplicate of our own: the loop watches each number only once
  std::function<void(std::string_view)> arrived_;
  std::function<void(int)> ended_;
  UvHandle<uv_poll_t> poll_;
  UvHandle<uv_idle_t> idle_;  // where poll_ can't be
  std::string chunk_;
  int error_ = 0;  // it can't be read: said at the first turn after Resume
  bool over_ = false;
};

// Makes `poll` watch `descriptor`, and takes the O_NONBLOCK back that libuv sets. 0, or libuv's error: UV_EPERM for
// what can't be polled.
int WatchShared(uv_loop_t* loop, int descriptor, void* owner, UvHandle<uv_poll_t>& poll);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONSOLE_INPUT_READER_H_

// Our end of the channel to one child: reads frames and posts them as facts, writes what is queued.
//
// Bytes are read in one place (Drain), for "readable" and for "the child has exited" alike. The work of one call is
// bounded, so that no child starves the others. What a child sends that the protocol forbids is posted once, and
// nothing more is read from it. ChannelClosed is posted exactly once, at the end of the stream or by Close().
// Loop's thread. The inbox must outlive it.
#ifndef ANDIRON_WORKER_CHILDREN_CHANNEL_H_
#define ANDIRON_WORKER_CHILDREN_CHANNEL_H_

#include <uv.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "ipc/child_messages.h"
#include "ipc/frame.h"
#include "jobs/fact.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"
#include "worker/children/read_rounds.h"
#include "worker/driver/inbox.h"

namespace andiron {

class Channel {
 public:
  // `max_result` is the pool's: what its results may have.
  Channel(ChildId child, std::size_t max_result, ReadRounds& rounds, Inbox& inbox)
      : child_(child), max_result_(max_result), rounds_(rounds), inbox_(inbox), reader_(LimitsForWorker(max_result)) {}

  // Watches the descriptor from now on. 0, or libuv's error: then there is no channel.
  int Open(uv_loop_t* loop, UniqueFd descriptor);

  // The frames to be written by the next Flush. Empty again once the kernel has taken all of them.
  std::string& out() { return out_; }

  // Writes what is queued, in one call where the kernel takes it; the rest when the child reads.
  void Flush();

  // Reads all that is there, up to a cap that no honest child reaches: for a child that has exited.
  void DrainForExit();

  // Closes our end and posts ChannelClosed, unless that has been done.
  void Close();

  // Closes without a word: there has never been a child.
  void Discard();

  bool open() const { return static_cast<bool>(descriptor_); }
  // It broke the protocol: nothing of it is read any more.
  bool misbehaved() const { return misbehaved_; }
  // Its first good message has come.
  bool ready() const { return ready_; }

  // Pings are numbered here, so that a Pong for none of them is noticed.
  std::uint64_t NextPing() { return ++pings_; }

  const std::string& sdk() const { return sdk_; }
  // A job goes to it with the next Flush.
  void NoteJob(std::uint64_t job, std::string_view id) { open_jobs_.emplace(job, id); }
  // The ids of the jobs that it has and hasn't answered, by their numbers.
  const std::map<std::uint64_t, std::string>& open_jobs() const { return open_jobs_; }

 private:
  enum class Depth { kTurn, kExit };
  void OnPoll(int status, int events);
  void Drain(Depth depth);
  bool ReadOnce(Depth depth, std::size_t& budget);
  void TakeFrames();
  void Take(const Frame& frame);
  void Misbehave(std::string what);
  void NoteHalf(bool half, bool another);
  void NoteBlocked(bool blocked, bool taken);
  void ForgetWritten();
  void Watch();

  const ChildId child_;
  const std::size_t max_result_;
  ReadRounds& rounds_;
  Inbox& inbox_;
  std::uint64_t last_read_ = 0;  // its round
  UniqueFd descriptor_;
  UvHandle<uv_poll_t> poll_;
  FrameReader reader_;
  std::uint64_t frames_ = 0;  // that have come whole
  std::string out_;
  std::size_t written_ = 0;  // of out_
  std::uint64_t pings_ = 0;
  std::map<std::uint64_t, std::string> open_jobs_;
  std::string sdk_;
  bool ready_ = false;
  bool half_ = false;
  bool blocked_ = false;
  bool misbehaved_ = false;
  bool write_broken_ = false;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHANNEL_H_

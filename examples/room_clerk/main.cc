// room-clerk: a child that takes jobs of a LiveKit server, and says what it got. It joins no room: this is where an
// agent would.
//
//     andiron start --config livekit.yaml           with a pool whose command is [room-clerk]; see docs/livekit.md
//
// Its result is one line: JOB for room ROOM as IDENTITY: and whether the token says the same.
//
// The dispatch's metadata may ask for a behaviour, so that one can see what the worker makes of it:
//     sleep=2s      (or 200ms) works that long, and stops when it is told to
//     fail=TEXT     FAILED, with the text
//     exit=7        the process exits in the middle of the job
//     crash         ... dies of SIGSEGV
//     hang          never ends, and doesn't listen
// "sleep=1s exit=7" does one after the other. Anything else is ignored.
//
//     --prewarm WORD   the same words at warming up, e.g. --prewarm fail=model is missing
//     --book FILE      keeps a book: "begin" or "end", the job, the room, the process, and nanoseconds of the monotonic
//                      clock, one line each
#include <andiron/child.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent_job.pb.h"
#include "examples/room_clerk/token_claims.h"

namespace {

using andiron::JobResult;
using andiron::agent::AgentJob;
using std::chrono::milliseconds;

// One thing that metadata asks for: NAME or NAME=VALUE.
struct Order {
  std::string_view name;
  std::string_view value;
};

// fail= takes the rest of the text, the others end at a blank.
std::vector<Order> OrdersIn(std::string_view text) {
  std::vector<Order> orders;
  while (!text.empty()) {
    const std::size_t end = text.starts_with("fail=") ? text.size() : std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t equals = std::min(word.find('='), word.size());
    orders.push_back({word.substr(0, equals), word.substr(std::min(equals + 1, word.size()))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return orders;
}

// "2s", "200ms"; what can't be read is no time at all.
milliseconds Time(std::string_view text) {
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (error != std::errc() || number < 0) return milliseconds(0);
  return unit == "s" ? milliseconds(1000LL * number) : unit == "ms" ? milliseconds(number) : milliseconds(0);
}

int Number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Those orders that end the process, or never end.
void ObeyTheLast(const Order& order) {
  if (order.name == "exit") _exit(Number(order.value));
  if (order.name == "crash") {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would only exit
    raise(SIGSEGV);
  }
  while (order.name == "hang") pause();
}

class Book {
 public:
  explicit Book(const std::string& path) {
    if (!path.empty()) file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  ~Book() {
    if (file_ >= 0) close(file_);
  }

  void Write(std::string_view what, const AgentJob& job) const {
    if (file_ < 0) return;
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const std::string line = std::string(what) + ' ' + job.job().id() + ' ' + job.job().room().name() + ' ' +
                             std::to_string(getpid()) + ' ' +
                             std::to_string(now.tv_sec * 1'000'000'000LL + now.tv_nsec) + '\n';
    // One write: lines of several processes don't mix.
    if (write(file_, line.data(), line.size()) < 0) std::cerr << "room-clerk: can't write the book\n";
  }

 private:
  int file_ = -1;
};

std::string WhatTheTokenSays(const AgentJob& job) {
  if (job.token().empty()) return "there is no token";
  const auto claims = room_clerk::ReadClaims(job.token());
  if (!claims) return "the token can't be read";
  if (claims->room != job.job().room().name()) return "the token is for room " + claims->room;
  if (claims->identity != job.identity()) return "the token is for " + claims->identity;
  return "the token says the same";
}

class Clerk : public andiron::JobHandler {
 public:
  Clerk(std::string prewarm, const std::string& book) : prewarm_(std::move(prewarm)), book_(book) {}

  std::string Prewarm(andiron::WarmUp&) override {
    for (const Order& order : OrdersIn(prewarm_)) {
      if (order.name == "fail") return std::string(order.value);
      if (order.name == "sleep") std::this_thread::sleep_for(Time(order.value));
      ObeyTheLast(order);
    }
    return "";
  }

  JobResult Run(andiron::JobContext& context) override {
    AgentJob job;
    const std::string_view payload = context.payload();
    if (!job.ParseFromArray(payload.data(), static_cast<int>(payload.size())) || job.job().id().empty()) {
      return JobResult::Failure("the payload isn't an AgentJob");
    }
    book_.Write("begin", job);
    JobResult result = Serve(context, job);
    book_.Write("end", job);
    return result;
  }

 private:
  static JobResult Serve(andiron::JobContext& context, const AgentJob& job) {
    for (const Order& order : OrdersIn(job.job().metadata())) {
      if (order.name == "sleep" && context.WaitCancelled(Time(order.value))) return JobResult::Cancelled();
      if (order.name == "fail") return JobResult::Failure(std::string(order.value));
      ObeyTheLast(order);
    }
    return JobResult::Success(job.job().id() + " for room " + job.job().room().name() + " as " + job.identity() + ": " +
                              WhatTheTokenSays(job));
  }

  const std::string prewarm_;
  const Book book_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string prewarm;
  std::string book;
  for (int index = 1; index < argc; ++index) {
    const std::string_view argument = argv[index];
    const bool has_value = index + 1 < argc;
    if (argument == "--prewarm" && has_value) {
      prewarm = argv[++index];
    } else if (argument == "--book" && has_value) {
      book = argv[++index];
    } else {
      std::cerr << "Usage: room-clerk [--prewarm WORD] [--book FILE]        as a child of a worker\n";
      return 64;
    }
  }
  Clerk clerk(prewarm, book);
  return andiron::ChildMain(argc, argv, clerk);
}

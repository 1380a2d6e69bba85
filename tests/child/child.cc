// A child that does what its jobs' payloads say.
//
//   --concurrency N      jobs at once
//   --prewarm WORD       progress, fail, throw, or forever
#include <andiron/child.h>
#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using andiron::JobResult;
using std::chrono::seconds;

constexpr auto kLong = seconds(60);

class Actor final : public andiron::JobHandler {
 public:
  explicit Actor(std::string prewarm) : prewarm_(std::move(prewarm)) {}

  std::string Prewarm(andiron::WarmUp& warm_up) override {
    if (prewarm_ == "fail") return "no model at /nowhere";
    if (prewarm_ == "throw") throw std::runtime_error("cannot load");
    if (prewarm_ == "progress") {
      warm_up.Progress(-1, "first");
      warm_up.Progress(1000, "bad \xff text");
      warm_up.Progress(100, std::string(10000, 'x'));
    }
    while (prewarm_ == "forever") warm_up.Progress(-1, "still there");
    return "";
  }

  JobResult Run(andiron::JobContext& job) override {
    const std::string_view payload = job.payload();
    if (payload == "wait") return job.WaitCancelled(kLong) ? JobResult::Cancelled() : JobResult::Failure("nobody came");
    if (payload == "wait-forever") {
      return job.WaitCancelled(std::chrono::milliseconds::max()) ? JobResult::Cancelled() : JobResult::Failure("early");
    }
    if (payload == "poll") {
      while (!job.cancelled()) {
      }
      return JobResult::Cancelled();
    }
    if (payload == "stubborn") {
      job.WaitCancelled(kLong);
      return JobResult::Success("done all the same");
    }
    if (payload == "throw") throw std::runtime_error("boom");
    if (payload == "throw-number") throw 7;
    if (payload == "long-error") return JobResult::Failure(std::string(65535, 'e') + "\xc3\xbc\xc3\xbc");
    if (payload == "bad-error") return JobResult::Failure("bad \xff byte");
    if (payload == "big") return JobResult::Success(std::string(3 << 20, 'b'));
    if (payload == "print") return Print();
    if (payload == "surroundings") return Surroundings();
    if (payload == "meet") return Meet();
    return JobResult::Success(std::string(job.id()) + ":" + std::string(payload));
  }

 private:
  // Without a flush: the line must show because stdout is line-buffered.
  static JobResult Print() {
    std::printf("a line of the job\n");
    return JobResult::Success("");
  }

  // What a program sees that the job starts.
  static JobResult Surroundings() {
    std::string seen;
    std::FILE* pipe = popen("ls /proc/self/fd | grep -cx 3; echo \"[$ANDIRON_CHANNEL_FD] [$ANDIRON_CHILD]\"", "r");
    if (pipe == nullptr) return JobResult::Failure("popen");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) seen.push_back(static_cast<char>(c));
    pclose(pipe);
    return JobResult::Success(seen + (andiron::IsChild() ? "child" : "no child"));
  }

  // Ends when two jobs are here at once.
  JobResult Meet() {
    std::unique_lock lock(mutex_);
    ++here_;
    came_.notify_all();
    return came_.wait_for(lock, kLong, [this] { return here_ == 2; }) ? JobResult::Success("met")
                                                                      : JobResult::Failure("alone");
  }

  const std::string prewarm_;
  std::mutex mutex_;
  std::condition_variable came_;
  int here_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string prewarm;
  andiron::ChildOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--prewarm") prewarm = argv[i + 1];
    if (std::string_view(argv[i]) == "--concurrency") options.concurrency = std::atoi(argv[i + 1]);
  }
  Actor actor(prewarm);
  return andiron::ChildMain(argc, argv, actor, options);
}

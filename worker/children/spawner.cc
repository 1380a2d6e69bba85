#include "worker/children/spawner.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace andiron {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kStubStackBytes = 16 * kPage;
constexpr std::size_t kThreadStackBytes = 64 * kPage;
// How long destruction waits for a helper: the kernel ends what it has been told to kill, or is itself stuck.
constexpr int kJoinTries = 100;
constexpr int kJoinStepMs = 10;

// The stack of a process between clone and exec, with a page below it that must not be touched.
class StubStack {
 public:
  StubStack() {
    void* memory = mmap(nullptr, kStubStackBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = static_cast<std::byte*>(memory);
    mprotect(memory_, kPage, PROT_NONE);
  }
  ~StubStack() {
    if (memory_ != nullptr) munmap(memory_, kStubStackBytes + kPage);
  }
  StubStack(const StubStack&) = delete;
  StubStack& operator=(const StubStack&) = delete;
  std::span<std::byte> bytes() const { return {memory_ + kPage, kStubStackBytes}; }
  bool ok() const { return memory_ != nullptr; }

 private:
  std::byte* memory_ = nullptr;
};

}  // namespace

// One thread and its queue. Everything below `mutex_` is shared with the loop's thread.
class Spawner::SpawnThread {
 public:
  // Null if the system has no thread or memory left.
  static std::unique_ptr<SpawnThread> Make(uv_async_t* wake) {
    std::unique_ptr<SpawnThread> thread(new SpawnThread(wake));
    return thread->stack_.ok() && thread->StartThread() ? std::move(thread) : nullptr;
  }

  void Submit(std::unique_ptr<Launch> launch) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(launch));
    work_.notify_one();
  }

  std::deque<std::unique_ptr<Launch>> TakeQueue() {
    const std::lock_guard lock(mutex_);
    return std::exchange(queue_, {});
  }

  // Null if it doesn't wait.
  std::unique_ptr<Launch> Take(const Launch* launch) {
    const std::lock_guard lock(mutex_);
    const auto waiting =
        std::find_if(queue_.begin(), queue_.end(), [&](const auto& queued) { return queued.get() == launch; });
    if (waiting == queue_.end()) return nullptr;
    std::unique_ptr<Launch> taken = std::move(*waiting);
    queue_.erase(waiting);
    return taken;
  }

  // In a stop command that was called off: nobody gives it up, as a child's start is given up.
  bool HangsInAStopCommand() {
    const std::lock_guard lock(mutex_);
    return running_ != nullptr && running_->kind() == Launch::Kind::kStopCommand && running_->cancelled();
  }

  bool Runs(const Launch* launch) {
    const std::lock_guard lock(mutex_);
    return running_ == launch;
  }

  std::vector<std::unique_ptr<Launch>> TakeDone() {
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, {});
  }

  // Ends the thread. One that the kernel doesn't give back is left to itself, with its memory: it ends when it can.
  static void Finish(std::unique_ptr<SpawnThread> thread) {
    // Again each time: what is stopped at its birth, just after the kill that found no process, would stay.
    for (int i = 0; i < kJoinTries && !thread->ended(); ++i) {
      thread->Stop();
      poll(nullptr, 0, kJoinStepMs);
    }
    const std::unique_lock lock(thread->mutex_);
    if (!thread->ended_) {
      thread->orphaned_ = true;
      static_cast<void>(thread.release());
    }
  }

  ~SpawnThread() {
    if (thread_started_) uv_thread_join(&thread_);
  }

 private:
  explicit SpawnThread(uv_async_t* wake) : wake_(wake) {}

  bool StartThread() {
    // The helper takes no signals: its processes begin with all of them blocked, and the loop gets ours.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uv_thread_options_t options{};
    options.flags = UV_THREAD_HAS_STACK_SIZE;
    options.stack_size = kThreadStackBytes;
    const int error =
        uv_thread_create_ex(&thread_, &options, [](void* self) { static_cast<SpawnThread*>(self)->Main(); }, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    thread_started_ = error == 0;
    return thread_started_;
  }

  void Main() {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) break;
      std::unique_ptr<Launch> launch = std::move(queue_.front());
      queue_.pop_front();
      running_ = launch.get();
      lock.unlock();
      launch->Run(stack_.bytes());
      lock.lock();
      running_ = nullptr;
      done_.push_back(std::move(launch));
      if (!stopping_) uv_async_send(wake_);
    }
    ended_ = true;
    if (!orphaned_) return;
    // Nobody is left who would join it.
    lock.unlock();
    uv_thread_t self = uv_thread_self();
    pthread_detach(self);
    thread_started_ = false;
    delete this;
  }

  void Stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    if (running_ != nullptr) running_->Cancel();
    work_.notify_one();
  }

  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  uv_thread_t thread_{};
  bool thread_started_ = false;
  StubStack stack_;
  std::mutex mutex_;
  std::condition_variable work_;
  uv_async_t* const wake_;
  std::deque<std::unique_ptr<Launch>> queue_;
  std::vector<std::unique_ptr<Launch>> done_;
  Launch* running_ = nullptr;
  bool stopping_ = false;
  bool ended_ = false;
  bool orphaned_ = false;
};

Spawner::Spawner(uv_loop_t* loop, std::size_t pools, DoneCallback done) : done_(std::move(done)), threads_(pools) {
  wake_.Init(this, [&](uv_async_t* handle) {
    return uv_async_init(loop, handle, [](uv_async_t* woken) {
      if (woken->data != nullptr) static_cast<Spawner*>(woken->data)->Collect();
    });
  });
  wake_.Unref();
}

Spawner::~Spawner() {
  for (auto* threads : {&threads_, &replaced_}) {
    for (std::unique_ptr<SpawnThread>& thread : *threads) {
      if (thread != nullptr) SpawnThread::Finish(std::move(thread));
    }
  }
}

Launch* Spawner::Submit(std::size_t pool, std::unique_ptr<Launch> launch) {
  Launch* const submitted = launch.get();
  // The loop has a reason to run on while something is being started.
  if (outstanding_++ == 0) wake_.Ref();
  if (SpawnThread* const thread = ThreadOf(pool)) {
    thread->Submit(std::move(launch));
  } else {
    Fail(std::move(launch), "start a helper thread: the system has none left");
  }
  return submitted;
}

void Spawner::Fail(std::unique_ptr<Launch> launch, std::string why) {
  launch->GiveUp(std::move(why));
  failed_.push_back(std::move(launch));
  if (wake_) uv_async_send(wake_.get());
}

void Spawner::Withdraw(std::size_t pool, const Launch* launch) {
  if (threads_[pool] == nullptr) return;
  std::unique_ptr<Launch> waiting = threads_[pool]->Take(launch);
  if (waiting == nullptr) return;
  Fail(std::move(waiting), "cancelled");
  if (threads_[pool]->HangsInAStopCommand()) ReplaceThread(pool);
}

Spawner::SpawnThread* Spawner::ThreadOf(std::size_t pool) {
  if (threads_[pool] == nullptr && wake_) threads_[pool] = SpawnThread::Make(wake_.get());
  return threads_[pool].get();
}

void Spawner::Replace(std::size_t pool, const Launch* launch) {
  if (threads_[pool] != nullptr && threads_[pool]->Runs(launch)) ReplaceThread(pool);
}

void Spawner::ReplaceThread(std::size_t pool) {
  std::unique_ptr<SpawnThread>& thread = threads_[pool];
  std::deque<std::unique_ptr<Launch>> waiting = thread->TakeQueue();
  replaced_.push_back(std::move(thread));
  for (std::unique_ptr<Launch>& next : waiting) {
    --outstanding_;
    Submit(pool, std::move(next));
  }
}

int Spawner::threads() const {
  return static_cast<int>(replaced_.size()) +
         static_cast<int>(
             std::count_if(threads_.begin(), threads_.end(), [](const auto& thread) { return thread != nullptr; }));
}

void Spawner::Collect() {
  std::vector<std::unique_ptr<Launch>> done = std::exchange(failed_, {});
  for (auto* threads : {&threads_, &replaced_}) {
    for (std::unique_ptr<SpawnThread>& thread : *threads) {
      if (thread == nullptr) continue;
      for (std::unique_ptr<Launch>& launch : thread->TakeDone()) done.push_back(std::move(launch));
    }
  }
  outstanding_ -= static_cast<int>(done.size());
  if (outstanding_ == 0) wake_.Unref();
  for (std::unique_ptr<Launch>& launch : done) done_(std::move(launch));
}

}  // namespace andiron

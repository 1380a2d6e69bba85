// Starts processes on helper threads, so that a slow exec stops neither the loop nor another pool.
//
// Each pool has one helper thread, started with its first launch: the launches of a pool run one after the other. A
// helper lives until the spawner is destroyed, because its processes are killed when it ends. One that hangs in the
// kernel can be replaced (Replace); it goes on existing.
// Loop's thread only. The loop must run once more after destruction. Destruction cancels what runs or waits.
#ifndef ANDIRON_WORKER_CHILDREN_SPAWNER_H_
#define ANDIRON_WORKER_CHILDREN_SPAWNER_H_

#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/base/uv_handle.h"
#include "worker/children/launch.h"

namespace andiron {

class Spawner {
 public:
  using DoneCallback = std::function<void(std::unique_ptr<Launch>)>;

  // `done` gets each launch back, on the loop, whatever became of it.
  Spawner(uv_loop_t* loop, std::size_t pools, DoneCallback done);
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Queues it for its pool. Valid for Cancel() until `done` gets it back.
  Launch* Submit(std::size_t pool, std::unique_ptr<Launch> launch);

  // It isn't wanted any more, and has been cancelled: if it still waits for the helper, `done` gets it back soon,
  // whatever the helper does meanwhile. One that hangs in a stop command which was cancelled, too, is replaced.
  void Withdraw(std::size_t pool, const Launch* launch);

  // The pool's helper hangs in this launch, unless it has come back meanwhile: the launches that wait get another one.
  void Replace(std::size_t pool, const Launch* launch);

  // What hangs in the kernel doesn't keep the loop running.
  void LetLoopEnd() { wake_.Unref(); }

  // SpawnThread threads so far, the replaced ones included.
  int threads() const;

 private:
  class SpawnThread;
  SpawnThread* ThreadOf(std::size_t pool);
  void Fail(std::unique_ptr<Launch> launch, std::string why);
  void ReplaceThread(std::size_t pool);
  void Collect();

  DoneCallback done_;
  UvHandle<uv_async_t> wake_;
  std::vector<std::unique_ptr<SpawnThread>> threads_;   // by pool; null = not started yet
  std::vector<std::unique_ptr<SpawnThread>> replaced_;  // hanging, or idle until the end
  std::vector<std::unique_ptr<Launch>> failed_;         // that no helper has had in hand
  int outstanding_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_SPAWNER_H_

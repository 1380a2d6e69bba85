// A child that dies while nothing happens: the kernel tells, nobody looks.
#include <gtest/gtest.h>
#include <signal.h>
#include <uv.h>

#include <cstdint>
#include <vector>

#include "tests/driver/fault_rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

// The loop's timers, all but the rig's alarm, which starts later, stand still while this lives.
class TimersAtRest {
 public:
  explicit TimersAtRest(uv_loop_t* loop) {
    uv_walk(
        loop,
        [](uv_handle_t* handle, void* self) {
          if (handle->type != UV_TIMER || uv_is_active(handle) == 0) return;
          auto* const timer = reinterpret_cast<uv_timer_t*>(handle);
          static_cast<TimersAtRest*>(self)->at_rest_.push_back(
              {timer, timer->timer_cb, uv_timer_get_due_in(timer), uv_timer_get_repeat(timer)});
          uv_timer_stop(timer);
        },
        this);
  }
  ~TimersAtRest() {
    for (const Timer& timer : at_rest_) {
      const bool started = uv_is_active(reinterpret_cast<const uv_handle_t*>(timer.handle)) != 0;
      if (!started) uv_timer_start(timer.handle, timer.callback, timer.due_in, timer.repeat);
    }
  }
  TimersAtRest(const TimersAtRest&) = delete;
  TimersAtRest& operator=(const TimersAtRest&) = delete;

 private:
  struct Timer {
    uv_timer_t* handle;
    uv_timer_cb callback;
    std::uint64_t due_in;
    std::uint64_t repeat;
  };
  std::vector<Timer> at_rest_;
};

TEST(IdleChild, DeathIsSeenThoughNoTimerRunsAndNobodyAsks) {
  Shows("B1", "R23");
  FaultRig rig(BadPool({"good"}));
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1 && rig.rig().Pool(1).capacity == 1; }));
  const PoolStatus before = rig.Bad();
  ASSERT_EQ(before.children.size(), 1U);
  uv_loop_t* const loop = rig.rig().loop();
  for (int turns = 0; turns < 1000 && uv_backend_timeout(loop) == 0; ++turns) uv_run(loop, UV_RUN_NOWAIT);
  {
    const TimersAtRest at_rest(loop);
    ASSERT_EQ(uv_backend_timeout(loop), -1) << "it sleeps until the kernel wakes it";
    ASSERT_EQ(kill(before.children[0].pid, SIGKILL), 0);
    ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Bad().exited == 1; }));
    EXPECT_EQ(rig.BadIdle(), 0) << "evicted with it";
  }
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
  EXPECT_EQ(rig.RunBad({.payload = "after"}).output, "after");
  EXPECT_EQ(rig.rig().worker().driver().deaths().size(), 1U);
}

}  // namespace
}  // namespace andiron

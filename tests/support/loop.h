// Waiting in tests: for a condition, under a deadline, with the loop running. Nothing here sleeps and hopes.
#ifndef ANDIRON_TESTS_SUPPORT_LOOP_H_
#define ANDIRON_TESTS_SUPPORT_LOOP_H_

#include <andiron/time.h>
#include <uv.h>

#include <functional>
#include <string>
#include <string_view>

namespace andiron {

// Long enough for two slow, shared cores under a sanitizer; a test that passes never waits so long.
inline constexpr Duration kTestPatience = std::chrono::seconds(30);

// Runs the loop until `condition` holds (true) or the patience is over (false). Asks at least every 10 ms.
bool RunUntil(uv_loop_t* loop, const std::function<bool()>& condition, Duration patience = kTestPatience);

// Runs the loop for that long: for what must NOT happen. Keep it short.
void RunFor(uv_loop_t* loop, Duration time);

// Asks every few milliseconds, without a loop.
bool WaitUntil(const std::function<bool()>& condition, Duration patience = kTestPatience);

// Lets pending close callbacks run, then closes the loop. What uv_loop_close returned: 0, or UV_EBUSY if handles are
// left.
int CloseLoop(uv_loop_t* loop);

// The path of a program that this build has made.
std::string ProgramPath(std::string_view name);

}  // namespace andiron

#endif  // ANDIRON_TESTS_SUPPORT_LOOP_H_

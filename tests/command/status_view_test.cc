#include "tools/andiron/status_view.h"

#include <gmock/gmock.h>

namespace andiron {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kJson = R"({"worker":{"name":"andiron","version":"0.1.0","pid":4711,"state":"running",
  "uptime_s":185.25,"loop_lag_ms":0.125,"containment":"cgroup"},"pools":[{"name":"spell","warm":2,"max_children":4,
  "slots":{"vacant":1,"starting":0,"idle":2,"busy":1,"stopping":0,"dying":0},"quarantined":0,"queued":3,"reserved":0,
  "capacity":2,"breaker":"closed","spawned":9,"exited":6,"initialize":{"ready":9,"exited":0,"timed_out":0,
  "spawn_failed":0,"protocol_error":0,"cancelled":0},"jobs":{"accepted":7,"refused":0,"succeeded":5,"failed":1,
  "cancelled":0,"timed_out":0,"queue_timeout":0,"child_crashed":0,"oom_killed":0,"killed_shutdown":0,
  "lost_before_start":0},"children":[{"slot":3,"generation":7,"pid":4712,"state":"busy","since_ms":1234.5,
  "job":"job-7"}]}],"sources":[{"kind":"livekit","url":"ws://h:7880/agent","agent":"clerk","pool":"spell",
  "state":"backing_off","jobs":1,"outbox":2,"offered":9,"accepted":8,"refused":1,"assigned":8,"succeeded":5,"failed":2,
  "reconnects":3,"unacknowledged":0,"last_error":"connection refused"}],
  "autopsies":[{"time":"2026-01-02T03:04:05Z","child":"spell/1.1","summary":"it died",
  "advice":"feed it","text":"long"}],"added_later":{"x":[1]}})";

TEST(StatusView, ReadsWhatAWorkerSays) {
  const absl::StatusOr<StatusView> status = ReadStatus(kJson);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->pid, 4711);
  EXPECT_EQ(status->uptime, std::chrono::milliseconds(185250));
  ASSERT_EQ(status->pools.size(), 1U);
  EXPECT_EQ(At(status->pools[0].slots, "idle"), 2);
  EXPECT_EQ(At(status->pools[0].jobs, "succeeded"), 5);
  EXPECT_EQ(At(status->pools[0].jobs, "no such"), 0);
  ASSERT_EQ(status->pools[0].children.size(), 1U);
  EXPECT_EQ(status->pools[0].children[0].name, "spell/3.7");
}

TEST(StatusView, RefusesWhatIsNotJson) { EXPECT_FALSE(ReadStatus("{\"worker\":").ok()); }

TEST(StatusView, ToleratesMissingAndWronglyTypedFields) {
  const absl::StatusOr<StatusView> status = ReadStatus(R"({"worker":[],"pools":[{"name":7}]})");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->pools.size(), 1U);
}

TEST(StatusText, IsATableForPeople) {
  const std::string text = StatusText(*ReadStatus(kJson));
  EXPECT_THAT(text, HasSubstr("andiron 0.1.0, pid 4711: running, up 3m 05s, loop lag 0.1ms, containment cgroup\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "POOL   WARM  MAX  VACANT  STARTING  IDLE  BUSY  STOPPING  DYING  QUEUED  RESERVED  CAPACITY  BREAKER\n"
          "spell     2    4       1         0     2     1         0      0       3         0         2  closed\n"));
  EXPECT_THAT(text, HasSubstr("  jobs        7 accepted, 5 succeeded, 1 failed\n"));
  EXPECT_THAT(text, HasSubstr("  spell/3.7  4712  busy    1.2s  job-7\n"));
  EXPECT_THAT(text,
              HasSubstr("livekit  clerk  spell  backing_off     1        9        1         8          5       2"));
  EXPECT_THAT(text, HasSubstr("  ws://h:7880/agent: connection refused\n"));
  EXPECT_THAT(text, HasSubstr("it died\n      feed it\n"));
  EXPECT_THAT(text, Not(HasSubstr("quarantined")));
}

}  // namespace
}  // namespace andiron

#include "tools/andiron/status_view.h"

#include <absl/status/status.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <initializer_list>

namespace andiron {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

const Value& Field(const Struct& object, const char* name) {
  const auto found = object.fields().find(name);
  return found != object.fields().end() ? found->second : Value::default_instance();
}

std::string Text(const Struct& object, const char* name) { return Field(object, name).string_value(); }

std::int64_t Number(const Struct& object, const char* name) { return std::llround(Field(object, name).number_value()); }

Duration Span(const Struct& object, const char* name, double nanoseconds) {
  return Duration(std::llround(Field(object, name).number_value() * nanoseconds));
}

NamedCounts Counts(const Struct& object, std::initializer_list<const char*> names) {
  NamedCounts counts;
  for (const char* name : names) counts.emplace_back(name, Number(object, name));
  return counts;
}

ChildView ReadChild(const std::string& pool, const Struct& object) {
  ChildView child;
  child.name = pool + "/" + std::to_string(Number(object, "slot")) + "." + std::to_string(Number(object, "generation"));
  child.pid = Number(object, "pid");
  child.state = Text(object, "state");
  child.since = Span(object, "since_ms", 1e6);
  child.job = Text(object, "job");
  return child;
}

PoolView ReadPool(const Struct& object) {
  PoolView pool;
  pool.name = Text(object, "name");
  pool.breaker = Text(object, "breaker");
  pool.numbers =
      Counts(object, {"warm", "max_children", "queued", "reserved", "capacity", "quarantined", "spawned", "exited"});
  pool.slots =
      Counts(Field(object, "slots").struct_value(), {"vacant", "starting", "idle", "busy", "stopping", "dying"});
  pool.jobs = Counts(Field(object, "jobs").struct_value(),
                     {"accepted", "refused", "succeeded", "failed", "cancelled", "timed_out", "queue_timeout",
                      "child_crashed", "oom_killed", "killed_shutdown", "lost_before_start"});
  pool.initialize = Counts(Field(object, "initialize").struct_value(),
                           {"ready", "exited", "timed_out", "spawn_failed", "protocol_error", "cancelled"});
  for (const Value& child : Field(object, "children").list_value().values()) {
    pool.children.push_back(ReadChild(pool.name, child.struct_value()));
  }
  return pool;
}

SourceView ReadSource(const Struct& object) {
  SourceView source;
  source.kind = Text(object, "kind");
  source.agent = Text(object, "agent");
  source.pool = Text(object, "pool");
  source.url = Text(object, "url");
  source.state = Text(object, "state");
  source.last_error = Text(object, "last_error");
  source.numbers = Counts(object, {"jobs", "offered", "accepted", "refused", "assigned", "succeeded", "failed",
                                   "outbox", "reconnects", "unacknowledged"});
  return source;
}

}  // namespace

absl::StatusOr<StatusView> ReadStatus(const std::string& json) {
  Struct object;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &object);
  if (!parsed.ok()) return absl::InvalidArgumentError("the worker's status isn't JSON: " + parsed.ToString());
  const Struct& worker = Field(object, "worker").struct_value();
  StatusView status;
  status.name = Text(worker, "name");
  status.version = Text(worker, "version");
  status.state = Text(worker, "state");
  status.pid = Number(worker, "pid");
  status.uptime = Span(worker, "uptime_s", 1e9);
  status.loop_lag_ms = Field(worker, "loop_lag_ms").number_value();
  status.containment = Text(worker, "containment");
  for (const Value& pool : Field(object, "pools").list_value().values()) {
    status.pools.push_back(ReadPool(pool.struct_value()));
  }
  for (const Value& source : Field(object, "sources").list_value().values()) {
    status.sources.push_back(ReadSource(source.struct_value()));
  }
  for (const Value& death : Field(object, "autopsies").list_value().values()) {
    const Struct& fields = death.struct_value();
    status.deaths.push_back({Text(fields, "time"), Text(fields, "summary"), Text(fields, "advice")});
  }
  return status;
}

std::int64_t At(const NamedCounts& counts, std::string_view name) {
  for (const auto& [key, number] : counts) {
    if (key == name) return number;
  }
  return 0;
}

}  // namespace andiron

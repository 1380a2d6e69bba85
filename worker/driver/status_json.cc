#include "worker/driver/status_json.h"

#include <cstddef>

#include "worker/base/json.h"
#include "worker/driver/job_desk.h"

namespace andiron {
namespace {

std::string LowerCase(std::string_view word) {
  std::string lower(word);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

void WriteWorker(JsonWriter& json, const CoreStatus& status, const WorkerFigures& figures) {
  json.BeginObject();
  json.Member("name", figures.name);
  json.Member("version", figures.version);
  json.Member("pid", figures.pid);
  json.Member("state", Name(status.state));
  json.Member("uptime_s", Milliseconds(figures.uptime) / 1000);
  json.Member("loop_lag_ms", Milliseconds(figures.loop_lag));
  json.Member("containment", figures.containment);
  json.Member("log_lines_dropped", figures.log_lines_dropped);
  json.Member("child_log_lines_dropped", figures.child_log_lines_dropped);
  json.EndObject();
}

void WriteCounts(JsonWriter& json, const PoolStatus& pool) {
  json.Key("initialize");
  json.BeginObject();
  for (int i = 0; i < kInitializeEndCount; ++i) {
    json.Member(Name(static_cast<InitializeEnd>(i)), pool.initialize[static_cast<std::size_t>(i)]);
  }
  json.EndObject();
  json.Key("jobs");
  json.BeginObject();
  json.Member("accepted", pool.accepted);
  json.Member("refused", pool.refused);
  for (int i = 0; i < kOutcomeCount; ++i) {
    json.Member(LowerCase(Name(static_cast<Outcome>(i))), pool.outcomes[static_cast<std::size_t>(i)]);
  }
  json.EndObject();
}

void WriteChild(JsonWriter& json, const ChildStatus& child, TimePoint now) {
  json.BeginObject();
  json.Member("slot", child.child.slot);
  json.Member("generation", child.child.generation);
  json.Member("pid", child.pid);
  json.Member("state", Name(child.state));
  json.Member("since_ms", Milliseconds(now - child.since));
  json.Member("job", std::string_view(child.job));
  json.Member("jobs", child.jobs);
  json.EndObject();
}

void WritePool(JsonWriter& json, const PoolStatus& pool, TimePoint now) {
  json.BeginObject();
  json.Member("name", std::string_view(pool.name));
  json.Member("warm", pool.warm);
  json.Member("max_children", pool.max_children);
  json.Key("slots");
  json.BeginObject();
  for (int i = 0; i < kSlotStateCount; ++i) {
    json.Member(Name(static_cast<SlotState>(i)), pool.slots[static_cast<std::size_t>(i)]);
  }
  json.EndObject();
  json.Member("quarantined", pool.quarantined);
  json.Member("withheld", pool.withheld);
  json.Member("queued", pool.queued);
  json.Member("running", pool.running);
  json.Member("reserved", pool.reserved);
  json.Member("capacity", pool.capacity);
  json.Member("breaker", Name(pool.breaker));
  json.Member("spawned", pool.spawned);
  json.Member("exited", pool.exited);
  json.Member("stale_facts", pool.stale_facts);
  json.Member("contained", pool.contained);
  WriteCounts(json, pool);
  json.Key("children");
  json.BeginArray();
  for (const ChildStatus& child : pool.children) WriteChild(json, child, now);
  json.EndArray();
  json.EndObject();
}

void WriteDeaths(JsonWriter& json, const std::deque<RememberedDeath>& deaths) {
  json.BeginArray();
  for (const RememberedDeath& death : deaths) {
    json.BeginObject();
    json.Member("time", std::string_view(death.time));
    json.Member("child", std::string_view(death.child));
    json.Member("summary", std::string_view(death.summary));
    json.Member("advice", std::string_view(death.advice));
    json.Member("text", std::string_view(death.text));
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string StatusJson(const CoreStatus& status, const WorkerFigures& figures) {
  JsonWriter json;
  json.BeginObject();
  json.Key("worker");
  WriteWorker(json, status, figures);
  json.Key("pools");
  json.BeginArray();
  for (const PoolStatus& pool : status.pools) WritePool(json, pool, figures.now);
  json.EndArray();
  json.Key("sources");
  if (figures.desk != nullptr) {
    figures.desk->WriteSources(json);
  } else {
    json.BeginArray();
    json.EndArray();
  }
  json.Key("autopsies");
  if (figures.deaths != nullptr) {
    WriteDeaths(json, *figures.deaths);
  } else {
    WriteDeaths(json, {});
  }
  json.EndObject();
  return json.Take();
}

}  // namespace andiron

// sources.livekit: how to reach a LiveKit server, and which of its agents this worker serves.
//
// Plain values, filled in by worker/config. The numbers are the defaults, with their reasons.
#ifndef ANDIRON_WORKER_LIVEKIT_SETTINGS_H_
#define ANDIRON_WORKER_LIVEKIT_SETTINGS_H_

#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "worker/livekit/words.h"

namespace andiron::livekit {

// One agent: one registration at the server, one connection.
struct AgentSettings {
  std::string name;  // "" = the unnamed agent, which gets every room's default dispatch
  JobType type = JobType::kRoom;
  std::string pool;
  Permissions permissions;
  int min_ready = 0;     // fewer ready children than that: FULL, whatever the capacity; counts children, 0 = off
  std::string simulate;  // a room: after the first registration the server is asked for a job there; "" = it is not
};

struct Settings {
  std::string url;      // ws:// or wss:// (http and https count as these); the path is added
  std::string key;      // API key
  std::string secret;   // API secret
  std::string ca_file;  // PEM; "" = the system's authorities
  std::vector<AgentSettings> agents;

  Duration connect_timeout = std::chrono::seconds(10);  // name, TCP, TLS, upgrade and registration together
  Duration token_ttl = std::chrono::hours(1);           // of each connection's token; made anew for each
  Duration backoff_min = std::chrono::milliseconds(250);
  Duration backoff_max = std::chrono::seconds(30);
  Duration ping_interval = std::chrono::seconds(5);       // application ping
  Duration ping_timeout = std::chrono::seconds(30);       // no pong for that long: longer than an honest server stalls
  Duration dead_after = std::chrono::seconds(10);         // unacknowledged bytes and no progress for that long
  Duration stall_limit = std::chrono::seconds(2);         // our own stall from which on no old offer is answered
  Duration termination_grace = std::chrono::seconds(15);  // JobTermination -> the pool's stop
  Duration status_ttl = std::chrono::minutes(10);         // an end status that the server hasn't read is kept so long
  Duration flush_timeout = std::chrono::seconds(2);       // the last words at the worker's end
  int outbox_limit = 10000;                               // end statuses kept; the oldest gives way, logged
  std::int64_t max_message = 2 << 20;                     // bytes, either way: the server's own limit

  bool enabled() const { return !agents.empty(); }
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_SETTINGS_H_

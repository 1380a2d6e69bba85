// What an agent worker and a LiveKit server say to each other, as plain values.
//
// messages.h makes them from bytes and bytes from them; the agent (agent.h) decides with them and knows no protobuf.
// What the server says is hostile until messages.h has checked it: the limits there bound every string here.
#ifndef ANDIRON_WORKER_LIVEKIT_WORDS_H_
#define ANDIRON_WORKER_LIVEKIT_WORDS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace andiron::livekit {

enum class JobType { kRoom, kPublisher, kParticipant };

// What the agent's participant may do in the room: the server puts it into the job's token.
struct Permissions {
  bool can_subscribe = true;
  bool can_publish = true;
  bool can_publish_data = true;
  bool can_update_metadata = true;
  bool hidden = false;

  bool operator==(const Permissions&) const = default;
};
inline constexpr Permissions kNoPermissions{false, false, false, false, false};

// ---- from the server ----

struct Registered {
  std::string worker_id;
  std::string server_version;
};

// "Can you take this job?" Unanswered for 2.75 s it is lost for everybody.
struct Offered {
  std::string job_id;
  std::string job;  // the job as the server encoded it (livekit.Job), opaque to the agent
};

struct Assigned {
  std::string job_id;
  std::string job;    // as in Offered
  std::string url;    // of the server to join; "" = the one of the registration
  std::string token;  // to join the room with: a secret
};

struct Terminated {
  std::string job_id;
};

struct Ponged {
  std::int64_t last_timestamp = 0;  // of the ping that it answers
};

using ServerWord = std::variant<Registered, Offered, Assigned, Terminated, Ponged>;

// ---- from the worker ----

struct Register {
  JobType type = JobType::kRoom;
  std::string agent_name;
  std::string version;
  Permissions permissions;
};

// The identity of a job's participant in its room: unique, since the job is.
inline std::string IdentityOf(const std::string& job_id) { return "agent-" + job_id; }

struct AnswerOffer {
  std::string job_id;
  bool available = false;
  std::string identity;  // of the agent's participant, if available
  std::string name;
};

struct TellLoad {
  bool full = false;
  float load = 0;  // 0 to 1; at 0.7 and more the server prefers others, and offers nothing where there are none
  std::uint32_t job_count = 0;
};

enum class JobStatus { kRunning, kSuccess, kFailed };

struct TellJob {
  std::string job_id;
  JobStatus status = JobStatus::kRunning;
  std::string error;
};

struct Ping {
  std::int64_t timestamp = 0;
};

// Makes the server offer this worker a job of its own, without a dispatch.
struct SimulateJob {
  JobType type = JobType::kRoom;
  std::string room;
};

using WorkerWord = std::variant<Register, AnswerOffer, TellLoad, TellJob, Ping, SimulateJob>;

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_WORDS_H_

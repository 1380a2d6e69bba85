// A worker with a control server on the loop, and clients on threads of their own.
#ifndef ANDIRON_TESTS_CONTROL_SERVER_RIG_H_
#define ANDIRON_TESTS_CONTROL_SERVER_RIG_H_

#include <functional>
#include <memory>
#include <string>

#include "control.pb.h"
#include "tests/driver/rig.h"
#include "tests/support/temp_directory.h"
#include "worker/base/unique_fd.h"
#include "worker/control/control_client.h"
#include "worker/control/control_server.h"

namespace andiron {

class ServerRig {
 public:
  explicit ServerRig(WorkerSettings settings, const ControlBounds& bounds = {}, int log_descriptor = 2);
  explicit ServerRig(PoolSettings pool, const ControlBounds& bounds = {})
      : ServerRig(SettingsOf(std::move(pool)), bounds) {}

  // The worker stops first: until then the server has something to answer.
  ~ServerRig() { EXPECT_TRUE(rig_.worker().stopped() || rig_.Stop(true)); }

  Rig& rig() { return rig_; }
  ControlServer& server() { return *server_; }
  std::string path() const { return directory_.path() + "/w.sock"; }

  // Runs `work` on a thread of its own while the loop runs here; false if it doesn't end in time.
  bool While(const std::function<void()>& work);
  // The same with a connected client.
  bool WithClient(const std::function<void(ControlClient&)>& work);

 private:
  TempDirectory directory_;
  Rig rig_;
  std::unique_ptr<ControlServer> server_;
};

// ---- for the client's thread ----

std::unique_ptr<ControlClient> ConnectTo(const std::string& path);
// A connection that says and hears raw bytes.
UniqueFd ConnectRaw(const std::string& path);

control::ToWorker SubmitMessage(std::uint64_t request, const std::string& id, const std::string& payload = "");
// The next message that isn't Started; a failed test and an empty one if there is none in time.
control::FromWorker NextOf(ControlClient& client);
// Submits and reads until the job's outcome (or refusal).
control::FromWorker EndOf(ControlClient& client, const control::ToWorker& submit);
std::string StatusOf(ControlClient& client);

}  // namespace andiron

#endif  // ANDIRON_TESTS_CONTROL_SERVER_RIG_H_

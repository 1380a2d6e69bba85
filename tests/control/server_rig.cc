#include "tests/control/server_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <thread>

namespace andiron {

ServerRig::ServerRig(WorkerSettings settings, const ControlBounds& bounds, int log_descriptor) {
  rig_.StartWorker(std::move(settings), log_descriptor);
  auto server = ControlServer::Create(rig_.worker(), path(), bounds);
  EXPECT_TRUE(server.ok()) << server.status().ToString();
  server_ = *std::move(server);
}

bool ServerRig::While(const std::function<void()>& work) {
  std::atomic<bool> done{false};
  UvHandle<uv_async_t> bell;
  bell.Init(this, [&](uv_async_t* handle) { return uv_async_init(rig_.loop(), handle, [](uv_async_t*) {}); });
  std::thread thread([&] {
    work();
    done = true;
    uv_async_send(bell.get());
  });
  const bool in_time = rig_.RunUntil([&] { return done.load(); }, 3 * kTestDeadline);
  thread.join();
  return in_time;
}

bool ServerRig::WithClient(const std::function<void(ControlClient&)>& work) {
  return While([&] {
    if (const auto client = ConnectTo(path())) work(*client);
  });
}

std::unique_ptr<ControlClient> ConnectTo(const std::string& path) {
  auto client = ControlClient::Connect(path, kTestDeadline, "test");
  EXPECT_TRUE(client.ok()) << client.status().ToString();
  return client.ok() ? *std::move(client) : nullptr;
}

UniqueFd ConnectRaw(const std::string& path) {
  UniqueFd descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return descriptor;
}

control::ToWorker SubmitMessage(std::uint64_t request, const std::string& id, const std::string& payload) {
  control::ToWorker message;
  message.mutable_submit()->set_request(request);
  message.mutable_submit()->set_pool("echo");
  message.mutable_submit()->set_id(id);
  message.mutable_submit()->set_payload(payload);
  return message;
}

control::FromWorker NextOf(ControlClient& client) {
  for (;;) {
    auto message = client.Next(kTestDeadline);
    EXPECT_TRUE(message.ok()) << message.status().ToString();
    if (!message.ok()) return {};
    if (message->kind_case() != control::FromWorker::kStarted) return *std::move(message);
  }
}

control::FromWorker EndOf(ControlClient& client, const control::ToWorker& submit) {
  EXPECT_TRUE(client.Send(submit, kTestDeadline).ok());
  control::FromWorker message = NextOf(client);
  if (message.kind_case() == control::FromWorker::kAccepted) message = NextOf(client);
  return message;
}

std::string StatusOf(ControlClient& client) {
  control::ToWorker message;
  message.mutable_status()->set_request(client.NewRequest());
  EXPECT_TRUE(client.Send(message, kTestDeadline).ok());
  return NextOf(client).status().json();
}

}  // namespace andiron

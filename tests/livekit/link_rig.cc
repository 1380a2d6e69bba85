#include "tests/livekit/link_rig.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/support/process_table.h"

extern char** environ;

namespace andiron::livekit {

ScriptedServer::ScriptedServer(const std::string& scripts, const std::string& address, int port) {
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::abort();
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  in_ = UniqueFd(in[1]);
  out_ = UniqueFd(out[0]);
  const char* root = std::getenv("ANDIRON_SOURCE_DIR");
  std::string program = std::string(root == nullptr ? "." : root) + "/tests/livekit/link_server.py";
  std::string script = scripts;
  std::string bound = address;
  std::string number = std::to_string(port);
  std::string python = "python3";
  char* words[] = {python.data(), program.data(), script.data(), bound.data(), number.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  EXPECT_EQ(posix_spawnp(&process_, "python3", &actions, nullptr, words, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  EXPECT_TRUE(WaitUntil([this] { return !After("port").empty(); }));
  port_ = std::atoi(After("port").c_str());
}

ScriptedServer::~ScriptedServer() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

void ScriptedServer::Signal() { EXPECT_EQ(write(in_.get(), "\n", 1), 1); }

void ScriptedServer::Send(int signal) const { EXPECT_EQ(::kill(process_, signal), 0); }

const std::vector<std::string>& ScriptedServer::lines() {
  char buffer[4096];
  for (ssize_t count = read(out_.get(), buffer, sizeof buffer); count > 0;
       count = read(out_.get(), buffer, sizeof buffer)) {
    unread_.append(buffer, static_cast<std::size_t>(count));
  }
  for (std::size_t end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
    lines_.push_back(unread_.substr(0, end));
    unread_.erase(0, end + 1);
  }
  return lines_;
}

int ScriptedServer::Count(std::string_view beginning) {
  int count = 0;
  for (const std::string& line : lines()) count += line.starts_with(beginning) ? 1 : 0;
  return count;
}

std::string ScriptedServer::After(std::string_view word) {
  std::string found;
  for (const std::string& line : lines()) {
    if (line.starts_with(std::string(word) + ' ')) found = line.substr(word.size() + 1);
  }
  return found;
}

namespace {

// The first loop of a process opens descriptors that stay.
int DescriptorsBesideALoop() {
  uv_loop_t loop;
  EXPECT_EQ(uv_loop_init(&loop), 0);
  EXPECT_EQ(uv_loop_close(&loop), 0);
  return OpenDescriptors();
}

}  // namespace

LinkRig::LinkRig() : descriptors_(DescriptorsBesideALoop()) {
  EXPECT_EQ(uv_loop_init(&loop_), 0);
  auto links = Links::Create(&loop_);
  EXPECT_TRUE(links.ok()) << links.status();
  links_ = *std::move(links);
}

LinkRig::~LinkRig() {
  link_.reset();
  bool gone = false;
  links_->Close([&gone] { gone = true; });
  EXPECT_TRUE(Until([&gone] { return gone; }));
  links_.reset();
  EXPECT_EQ(CloseLoop(&loop_), 0);
  EXPECT_EQ(OpenDescriptors(), descriptors_);
  EXPECT_EQ(UvHandle<uv_timer_t>::Live(), 0);
  EXPECT_EQ(UvHandle<uv_idle_t>::Live(), 0);
}

void LinkRig::Make(LinkTarget target) {
  link_.reset();
  LinkEvents events;
  events.opened = [this] {
    EXPECT_FALSE(inside_);
    ++opened_;
    if (on_opened) on_opened();
  };
  events.message = [this](std::string_view message, bool binary) {
    EXPECT_FALSE(inside_);
    EXPECT_EQ(closed_, 0) << "a message after the end";
    ++message_count_;
    if (keep_) messages_.emplace_back(message, binary);
    if (on_message) on_message();
  };
  events.closed = [this](std::string what, bool refused) {
    EXPECT_FALSE(inside_);
    EXPECT_EQ(closed_, 0) << "closed twice: " << what;
    ++closed_;
    what_ = std::move(what);
    refused_ = refused;
    if (on_closed) on_closed();
  };
  link_ = std::make_unique<Link>(*links_, std::move(target), std::move(events));
}

void LinkRig::Open(const std::string& token) {
  opened_ = closed_ = 0;
  what_.clear();
  inside_ = true;
  link_->Open(token);
  inside_ = false;
}

LinkTarget Plain(int port) {
  LinkTarget target;
  target.url = Url{false, "127.0.0.1", port, "/agent"};
  return target;
}

LinkTarget Secure(const std::string& host, int port, const std::string& ca_file) {
  LinkTarget target;
  target.url = Url{true, host, port, "/agent"};
  target.ca_file = ca_file;
  return target;
}

}  // namespace andiron::livekit

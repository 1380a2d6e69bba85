#include "worker/livekit/agent_texts.h"

#include <cstdio>
#include <string_view>

#include "worker/livekit/agent.h"

namespace andiron::livekit {
namespace {

std::string OwnSentence(const JobEnded& end) {
  const std::string after = " after " + Seconds(end.ran);
  switch (end.outcome) {
    case Outcome::kSucceeded:
      return "it ended well";
    case Outcome::kFailed:
      return "its child returned an error without a text" + after;
    case Outcome::kCancelled:
      return "cancelled by the operator" + after;
    case Outcome::kTimedOut:
      return "timed out" + after;
    case Outcome::kQueueTimeout:
      return "not started: no child was free in time";
    case Outcome::kChildCrashed:
      return "its child died" + after;
    case Outcome::kOomKilled:
      return "its child was killed" + after + ": out of memory";
    case Outcome::kKilledShutdown:
      return "the worker stopped before it had ended";
    case Outcome::kLostBeforeStart:
      return "not started: two children in turn took it and didn't acknowledge it";
  }
  return "it failed";
}

}  // namespace

std::string Seconds(Duration duration) {
  char text[32];
  const double seconds = std::chrono::duration<double>(duration).count();
  std::snprintf(text, sizeof text, "%.*f s", seconds < 0.995 ? 2 : 1, seconds);
  return text;
}

std::string RefusalText(Refusal reason) {
  switch (reason) {
    case Refusal::kQueueFull:
      return "not started: no child is free and the queue is full";
    case Refusal::kDraining:
      return "not started: the worker drains and takes no new jobs";
    case Refusal::kBreakerOpen:
      return "not started: the pool's children fail to start";
    case Refusal::kUnknownPool:
      return "not started: the worker has no such pool";
    case Refusal::kDuplicateId:
      return "not started: a job of this id runs in the pool already";
    case Refusal::kTooLarge:
      return "not started: the job is larger than the pool's max_payload";
    case Refusal::kInvalidId:
      return "not started: the pool doesn't take a job of this id";
  }
  return "not started: refused";
}

std::string FailureText(const JobEnded& end) { return end.error.empty() ? OwnSentence(end) : end.error; }

std::string Shortened(std::string text, std::size_t max) {
  constexpr std::string_view kCut = "...";
  if (text.size() <= max) return text;
  std::size_t keep = max - kCut.size();
  while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xc0U) == 0x80U) --keep;
  text.resize(keep);
  return text.append(kCut);
}

std::string_view Name(AgentState state) {
  switch (state) {
    case AgentState::kConnecting:
      return "connecting";
    case AgentState::kRegistering:
      return "registering";
    case AgentState::kRegistered:
      return "registered";
    case AgentState::kBackingOff:
      return "backing_off";
    case AgentState::kClosing:
      return "closing";
    case AgentState::kClosed:
      return "closed";
  }
  return "";
}

}  // namespace andiron::livekit

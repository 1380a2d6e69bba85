#include "worker/control/control_limits.h"

#include <algorithm>
#include <limits>

#include "control.pb.h"
#include "ipc/limits.h"

namespace andiron {
namespace {

std::uint32_t Cut(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(bytes, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

FrameLimits LimitsForControlServer(std::size_t submit_bytes_max) {
  using control::ToWorker;
  FrameLimits limits;
  limits[ToWorker::kHello] = {"ClientHello", kControlRequestBytesMax};
  limits[ToWorker::kSubmit] = {"Submit", Cut(submit_bytes_max)};
  limits[ToWorker::kCancel] = {"Cancel", kControlRequestBytesMax};
  limits[ToWorker::kStatus] = {"StatusRequest", kControlRequestBytesMax};
  limits[ToWorker::kDrain] = {"Drain", kControlRequestBytesMax};
  limits[ToWorker::kResume] = {"Resume", kControlRequestBytesMax};
  limits[ToWorker::kStop] = {"Stop", kControlRequestBytesMax};
  return limits;
}

FrameLimits LimitsForControlClient() {
  using control::FromWorker;
  FrameLimits limits;
  limits[FromWorker::kHello] = {"WorkerHello", kControlReplyBytesMax};
  limits[FromWorker::kAccepted] = {"Accepted", kControlReplyBytesMax};
  limits[FromWorker::kRefused] = {"Refused", kControlReplyBytesMax};
  limits[FromWorker::kStarted] = {"Started", kControlReplyBytesMax};
  limits[FromWorker::kOutcome] = {"Outcome", Cut(kPayloadBytesMax + kControlOutcomeEnvelope)};
  limits[FromWorker::kStatus] = {"StatusReply", kControlStatusBytesMax};
  limits[FromWorker::kDone] = {"Done", kControlReplyBytesMax};
  limits[FromWorker::kError] = {"Error", kControlReplyBytesMax};
  return limits;
}

}  // namespace andiron

#include "worker/livekit/source.h"

#include <algorithm>
#include <string>
#include <utility>

#include "worker/base/clock.h"

namespace andiron::livekit {
namespace {

// Rounded up.
std::uint64_t WholeMilliseconds(Duration time) {
  return static_cast<std::uint64_t>((time.count() + 999'999) / 1'000'000);
}

// What a participant connects to.
std::string ServerUrl(const Url& url) {
  constexpr std::string_view kAgents = "/agent";
  std::string text = url.text();
  if (text.ends_with(kAgents)) text.resize(text.size() - kAgents.size());
  return text;
}

}  // namespace

Source::Source(WorkerImpl& worker, std::unique_ptr<Links> links) : worker_(worker), links_(std::move(links)) {}

Source::~Source() = default;

absl::StatusOr<std::unique_ptr<Source>> Source::Create(WorkerImpl& worker, const Settings& settings,
                                                       const Lookup& environment) {
  const absl::StatusOr<Url> url = ParseUrl(settings.url);
  if (!url.ok()) return url.status();
  auto proxy = ProxyFor(*url, environment);
  if (!proxy.ok()) return proxy.status();
  auto links = Links::Create(worker.loop());
  if (!links.ok()) return links.status();
  std::unique_ptr<Source> source(new Source(worker, *std::move(links)));
  LinkTarget target;
  target.url = *url;
  target.ca_file = settings.ca_file;
  target.proxy = *proxy;
  target.attempt_timeout = settings.connect_timeout + std::chrono::seconds(1);  // the agent's own comes first
  target.max_message = static_cast<std::size_t>(settings.max_message);
  std::uint64_t seed = static_cast<std::uint64_t>(Now().time_since_epoch().count());
  source->settings_ = settings;
  for (const AgentSettings& agent : source->settings_.agents) {
    AgentSeat::Place place{worker,          *source->links_, target,
                           ServerUrl(*url), ++seed,          [raw = source.get()] { raw->Wake(); }};
    source->seats_.push_back(std::make_unique<AgentSeat>(std::move(place), source->settings_, agent));
  }
  if (absl::Status placed = source->TakePlace(); !placed.ok()) return placed;
  return source;
}

absl::Status Source::TakePlace() {
  uv_loop_t* loop = worker_.loop();
  const int errors[] = {
      prepare_.Init(this, [loop](uv_prepare_t* handle) { return uv_prepare_init(loop, handle); }),
      idle_.Init(this, [loop](uv_idle_t* handle) { return uv_idle_init(loop, handle); }),
      timer_.Init(this, [loop](uv_timer_t* handle) { return uv_timer_init(loop, handle); }),
  };
  for (const int error : errors) {
    if (error != 0) return absl::ResourceExhaustedError(std::string("libuv: ") + uv_strerror(error));
  }
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* handle) {
    if (auto* source = static_cast<Source*>(handle->data)) source->Turn();
  });
  as_of_ = Now();
  Wake();
  return absl::OkStatus();
}

void Source::Wake() {
  if (idle_) uv_idle_start(idle_.get(), [](uv_idle_t*) {});
}

// Started after the driver's, this prepare runs before it: what an offer asks of the core is answered in this round.
void Source::Turn() {
  uv_idle_stop(idle_.get());
  for (const auto& seat : seats_) {
    if (seat->HasFacts() || seat->NextDeadline() <= as_of_ || !begun_) seat->Step(as_of_);
  }
  begun_ = true;
  as_of_ = Now();
  if (std::all_of(seats_.begin(), seats_.end(), [](const auto& seat) { return seat->closed(); })) return Leave();
  Rearm();
}

void Source::Rearm() {
  TimePoint deadline = kNever;
  for (const auto& seat : seats_) deadline = std::min(deadline, seat->NextDeadline());
  // Due already, but its turn must have an as_of that is not older: the next turn, without sleep.
  if (deadline <= as_of_) return Wake();
  if (deadline == armed_) return;
  armed_ = deadline;
  if (deadline == kNever) {
    uv_timer_stop(timer_.get());
    return;
  }
  // The loop's own time may be older than ours: then it wakes us early, for nothing, and is armed again.
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* handle) {
        if (auto* source = static_cast<Source*>(handle->data)) source->armed_ = kNever;
      },
      WholeMilliseconds(deadline - as_of_), 0);
}

// The last words are said: off the loop, so that it can end.
void Source::Leave() {
  prepare_.Reset();
  idle_.Reset();
  timer_.Reset();
  seats_.clear();
  links_->Close([] {});
  if (left_) left_();
}

}  // namespace andiron::livekit

// The channel to one child, over a real socket: whatever the child writes, in whatever pieces, cut off wherever, the
// facts are those of the protocol's rules, in order, and ChannelClosed is the last of them.
//
// Input: how many pings have been sent and how the bytes are read (1 byte), cuts, what the child writes.
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "child.pb.h"
#include "tests/fuzz/target.h"
#include "tests/ipc/reference_decoder.h"
#include "worker/children/channel.h"

namespace andiron::fuzz {
namespace {

constexpr std::size_t kMaxResult = 1000;
constexpr ChildId kChild{0, 0, 1};
// What a socket surely takes at once.
constexpr std::size_t kBytesMax = std::size_t{64} << 10;

// The facts that count here, as text: one for each message, and the end.
std::string TextOf(const Fact& fact) {
  if (std::holds_alternative<ChildProgressed>(fact)) return "progressed";
  if (std::holds_alternative<ChildReady>(fact)) return "ready";
  if (const auto* acked = std::get_if<JobAcked>(&fact))
    return "acked " + std::to_string(static_cast<std::uint64_t>(acked->job));
  if (const auto* back = std::get_if<JobReturned>(&fact)) {
    return "returned " + std::to_string(static_cast<std::uint64_t>(back->job)) + " " +
           std::to_string(static_cast<int>(back->end)) + " " + back->result;
  }
  if (std::holds_alternative<ChildPonged>(fact)) return "ponged";
  if (const auto* bad = std::get_if<ChildMisbehaved>(&fact)) return "misbehaved: " + bad->what;
  if (std::holds_alternative<ChannelClosed>(fact)) return "closed";
  return {};
}

std::string TextOf(const child::FromChild& message) {
  switch (message.kind_case()) {
    case child::FromChild::kProgress:
      return "progressed";
    case child::FromChild::kHello:
      return "ready";
    case child::FromChild::kAck:
      return "acked " + std::to_string(message.ack().job());
    case child::FromChild::kResult: {
      const child::Result& result = message.result();
      return "returned " + std::to_string(result.job()) + " " + std::to_string(result.end() - 1) + " " +
             (result.end() == child::Result::SUCCEEDED ? result.output() : result.error());
    }
    case child::FromChild::kPong:
    case child::FromChild::KIND_NOT_SET:
      return "ponged";
  }
  return {};
}

// Why a good message may not come now; "" = it may.
std::string OutOfPlace(const child::FromChild& message, bool ready, std::uint64_t pings) {
  constexpr const char* kNames[] = {"", "Progress", "Hello", "Ack", "Result", "Pong"};
  const bool early = message.has_progress() || message.has_hello();
  if (early == ready) return kNames[message.kind_case()] + std::string(ready ? " after Hello" : " before Hello");
  const std::uint64_t sequence = message.pong().sequence();
  const bool unasked = message.has_pong() && (sequence == 0 || sequence > pings);
  return unasked ? "a Pong for a Ping that was never sent" : "";
}

std::vector<std::string> FactsByTheRules(std::string_view stream, std::uint64_t pings) {
  std::vector<std::string> facts;
  bool ready = false;
  const ReferenceReading reading = ReadByTheRules(stream, LimitsForWorker(kMaxResult));
  const auto ends = [&facts](const std::string& what) {
    facts.push_back("misbehaved: " + what);
    facts.emplace_back("closed");
    return facts;
  };
  for (const ReferenceFrame& frame : reading.frames) {
    const std::string error = ErrorByTheRules(frame.body, kMaxResult);
    if (!error.empty()) return ends(error);
    child::FromChild message;
    Require(message.ParseFromString(frame.body), "protobuf reads a good message");
    const std::string why = OutOfPlace(message, ready, pings);
    if (!why.empty()) return ends(why);
    ready = ready || message.has_hello();
    facts.push_back(TextOf(message));
  }
  if (reading.error != FrameError::kNone) return ends(reading.text);
  facts.emplace_back("closed");
  return facts;
}

class Session {
 public:
  explicit Session(uv_loop_t* loop) : loop_(loop), inbox_([] {}), channel_(kChild, kMaxResult, rounds_, inbox_) {
    int ends[2];
    Require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0, "there is a socket");
    child_ = UniqueFd(ends[1]);
    Require(channel_.Open(loop_, UniqueFd(ends[0])) == 0, "the channel opens");
  }

  void Write(std::string_view bytes) {
    if (bytes.empty()) return;
    const auto size = static_cast<ssize_t>(bytes.size());
    Require(write(child_.get(), bytes.data(), bytes.size()) == size, "the socket takes what little there is");
  }

  void Read(bool by_the_loop) {
    by_the_loop ? (void)uv_run(loop_, UV_RUN_NOWAIT) : channel_.DrainForExit();
    Collect();
  }

  // The child is gone: what lies unread is read, then the end is seen.
  void End() {
    child_.Reset();
    for (int turns = 0; turns < 3 && channel_.open(); ++turns) channel_.DrainForExit();
    channel_.Close();
    Collect();
    Require(!half_ || misbehaved_ || cut_, "half a frame is told, and that it has become whole");
  }

  std::uint64_t NextPing() { return channel_.NextPing(); }
  const std::vector<std::string>& facts() const { return facts_; }
  void AllowHalf() { cut_ = true; }

 private:
  void Collect() {
    rounds_.EndTurn();
    inbox_.Take(taken_);
    for (std::size_t i = 1; i < taken_.size(); ++i) {
      if (const auto* half = std::get_if<FrameHalfRead>(&taken_[i])) {
        Require(half->half != half_, "half a frame is told once");
        half_ = half->half;
      }
      std::string text = TextOf(taken_[i]);
      misbehaved_ = misbehaved_ || text.starts_with("misbehaved");
      if (!text.empty()) facts_.push_back(std::move(text));
    }
  }

  uv_loop_t* loop_;
  ReadRounds rounds_;
  Inbox inbox_;
  Channel channel_;
  UniqueFd child_;
  std::vector<Fact> taken_;
  std::vector<std::string> facts_;
  bool half_ = false;
  bool misbehaved_ = false;
  bool cut_ = false;  // the stream ends within a frame
};

void RunOne(uv_loop_t* loop, Input input) {
  const std::uint8_t how = input.Byte();
  Cuts cuts(input);
  std::string_view stream = input.Rest().substr(0, kBytesMax);
  const std::uint64_t pings = how % 4;
  const std::vector<std::string> expected = FactsByTheRules(stream, pings);
  {
    Session session(loop);
    for (std::uint64_t i = 0; i < pings; ++i) session.NextPing();
    if (ReadByTheRules(stream, LimitsForWorker(kMaxResult)).half) session.AllowHalf();
    for (int piece = 0; !stream.empty(); ++piece) {
      session.Write(cuts.Next(stream));
      session.Read((how >> (2 + piece % 6) & 1) != 0);
    }
    session.End();
    Require(session.facts() == expected, "the facts are those of the rules");
  }
  uv_run(loop, UV_RUN_NOWAIT);  // what was closed is freed
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static uv_loop_t* const loop = uv_default_loop();
  andiron::fuzz::RunOne(loop, {data, size});
  return 0;
}

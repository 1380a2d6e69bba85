// The child protocol by hand, so that it can be broken in any way: bytes are made here one by one, and written to
// descriptor 3 without asking. No protobuf, so that the program starts in half a millisecond.
#ifndef ANDIRON_TESTS_FAULT_CHILD_WIRE_H_
#define ANDIRON_TESTS_FAULT_CHILD_WIRE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace andiron::fault {

inline constexpr int kChannel = 3;

std::string Varint(std::uint64_t value);
std::string NumberField(int field, std::uint64_t value);
std::string BytesField(int field, std::string_view bytes);
// Length and body: a whole frame with one message of the oneof.
std::string FrameOf(int type, std::string_view message);

std::string Hello(std::uint64_t version = 1);
std::string Progress(std::uint64_t percent);
std::string Ack(std::uint64_t job);
std::string Succeeded(std::uint64_t job, std::string_view output);
std::string Pong(std::uint64_t sequence);

// Writes all of it to the channel, or ends the process.
void Put(std::string_view bytes);

struct Message {
  enum Type { kEnd = 0, kRun = 1, kCancel = 2, kPing = 3, kStop = 4 };
  int type = kEnd;
  std::uint64_t number = 0;  // the job, or the ping's sequence
  std::string payload;       // of a Run
};

// Waits for the next message. kEnd: the channel is closed.
Message Get();

}  // namespace andiron::fault

#endif  // ANDIRON_TESTS_FAULT_CHILD_WIRE_H_

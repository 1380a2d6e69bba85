#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/fault_child/faults.h"
#include "tests/fault_child/wire.h"

namespace andiron::fault {

[[noreturn]] void Hang() {
  for (;;) pause();
}

void Serve() {
  for (;;) {
    const Message message = Get();
    if (message.type == Message::kEnd || message.type == Message::kStop) return;
    if (message.type == Message::kPing) Put(Pong(message.number));
    if (message.type == Message::kRun) Put(Ack(message.number) + Succeeded(message.number, message.payload));
  }
}

std::uint64_t NextJob() {
  for (;;) {
    const Message message = Get();
    if (message.type == Message::kRun) return message.number;
    if (message.type == Message::kEnd || message.type == Message::kStop) _exit(0);
    if (message.type == Message::kPing) Put(Pong(message.number));
  }
}

void Say(int descriptor, std::string_view text) {
  if (write(descriptor, text.data(), text.size()) < 0) _exit(1);
}

// ---- before or during the first message ----

void Good(int) {
  Put(Hello());
  Serve();
}

void NeverReady(int) { Hang(); }

void DeafStart(int) {
  signal(SIGTERM, SIG_IGN);
  Hang();
}

void HalfFrame(int bytes) {
  Put(Hello().substr(0, static_cast<std::size_t>(bytes)));
  Hang();
}

void HalfFrameThenExit(int bytes) { Put(Hello().substr(0, static_cast<std::size_t>(bytes))); }

void Garbage(int) {
  Put("GET / HTTP/1.1\r\n\r\n");
  Hang();
}

void WrongVersion(int version) {
  Put(Hello(static_cast<std::uint64_t>(version)));
  Hang();
}

void OversizedHello(int bytes) {
  Put(Varint(static_cast<std::uint64_t>(bytes)) + "\x12");
  Hang();
}

void ZeroLength(int) {
  Put(std::string(1, '\0'));
  Hang();
}

void EndlessLength(int) {
  Put(std::string(11, '\xff'));
  Hang();
}

void AckFirst(int) {
  Put(Ack(1));
  Hang();
}

void Exit(int code) { _exit(code); }

void DieOf(int number) {
  signal(number, SIG_DFL);
  raise(number);
}

void ComplainAndExit(int code) {
  for (int line = 1; line <= 100; ++line) Say(2, "complaint " + std::to_string(line) + "\n");
  Say(2, "no model at /models/large");
  _exit(code);
}

void ProgressThenHello(int count) {
  for (int i = 0; i < count; ++i) Put(Progress(static_cast<std::uint64_t>(i)));
  Good(0);
}

// As fast as its worker reads.
void EndlessProgress(int) {
  for (std::uint64_t percent = 0;; ++percent) Put(Progress(percent % 100));
}

void CloseChannelFirst(int) {
  close(kChannel);
  Hang();
}

// ---- after it ----

void HelloThenExit(int code) {
  Put(Hello());
  _exit(code);
}

void HelloTwice(int) {
  Put(Hello() + Hello());
  Hang();
}

void ProgressAfterHello(int) {
  Put(Hello() + Progress(50));
  Hang();
}

void HalfFrameLater(int) {
  Put(Hello() + Ack(1).substr(0, 2));
  Hang();
}

void UnaskedPong(int) {
  Put(Hello() + Pong(99));
  Hang();
}

void IgnoreTerm(int) {
  signal(SIGTERM, SIG_IGN);
  Put(Hello());
  for (;;) {
    Serve();
    Hang();
  }
}

void StopSelf(int) {
  Put(Hello());
  raise(SIGSTOP);
  Serve();
}

void CloseChannel(int) {
  Put(Hello());
  close(kChannel);
  Hang();
}

void CloseChannelUnread(int) {
  Put(Hello());
  // Until something has come that is then left unread: the worker's side sees a reset.
  char byte = 0;
  recv(kChannel, &byte, 1, MSG_PEEK);
  close(kChannel);
  Hang();
}

void ShutReading(int) {
  Put(Hello());
  shutdown(kChannel, SHUT_RD);
  Hang();
}

void NeverRead(int) {
  Put(Hello());
  Hang();
}

void NoPong(int) {
  Put(Hello());
  for (;;) {
    const Message message = Get();
    if (message.type == Message::kEnd || message.type == Message::kStop) return;
    if (message.type == Message::kRun) Put(Ack(message.number) + Succeeded(message.number, message.payload));
  }
}

}  // namespace andiron::fault

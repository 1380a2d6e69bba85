// The faults that fault-child can show: each a function that serves, hangs or ends in its own wrong way. The number's
// meaning is the fault's own: an exit code, a signal, a count, a size.
#ifndef ANDIRON_TESTS_FAULT_CHILD_FAULTS_H_
#define ANDIRON_TESTS_FAULT_CHILD_FAULTS_H_

#include <cstdint>
#include <string_view>

namespace andiron::fault {

[[noreturn]] void Hang();
// Serves until the channel ends or a Stop comes.
void Serve();
// Waits for a job, answering pings; its number.
std::uint64_t NextJob();
// Writes all of it, or ends the process.
void Say(int descriptor, std::string_view text);

void Good(int number);
void NeverReady(int number);
void DeafStart(int number);
void HalfFrame(int number);
void HalfFrameThenExit(int number);
void Garbage(int number);
void WrongVersion(int number);
void OversizedHello(int number);
void ZeroLength(int number);
void EndlessLength(int number);
void AckFirst(int number);
void Exit(int number);
void DieOf(int number);
void ComplainAndExit(int number);
void ProgressThenHello(int number);
void EndlessProgress(int number);
void CloseChannelFirst(int number);
void HelloThenExit(int number);
void HelloTwice(int number);
void ProgressAfterHello(int number);
void HalfFrameLater(int number);
void UnaskedPong(int number);
void IgnoreTerm(int number);
void StopSelf(int number);
void CloseChannel(int number);
void CloseChannelUnread(int number);
void ShutReading(int number);
void NeverRead(int number);
void NoPong(int number);
void Escapee(int number);
void HoldChannel(int number);
void HoldOutput(int number);
void StoppedEscapee(int number);
void ForkBomb(int number);
void GroupMember(int number);
void StubbornMember(int number);
void Flood(int number);
void FloodWithoutNewline(int number);
void PrintLine(int number);
void Describe(int number);
void ResultThenDeath(int number);
void LargeResultThenDeath(int number);
void AckOther(int number);
void ResultTwice(int number);
void NoAck(int number);
void ResultUnacked(int number);
void HangInJob(int number);
void SpinInJob(int number);
void DieInJob(int number);
void UseMemory(int number);
void DescendantUsesMemory(int number);
void EscapeeUsesMemory(int number);
void ShareMemory(int number);

}  // namespace andiron::fault

#endif  // ANDIRON_TESTS_FAULT_CHILD_FAULTS_H_

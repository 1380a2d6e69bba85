// Whom the kernel takes when the machine's memory, or the container's, runs out: a child rather than its worker, which
// holds everybody's jobs.
//
// Needs /proc, and does without: then all are equal, and the kernel takes the biggest.
#ifndef ANDIRON_WORKER_CHILDREN_OOM_SCORE_H_
#define ANDIRON_WORKER_CHILDREN_OOM_SCORE_H_

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace andiron {

// How much more a child weighs than its worker, in thousandths of the memory there is. A tenth is more than a worker
// with a full queue takes, and little enough that the kernel doesn't end children for the sake of another program that
// has taken all.
inline constexpr int kOomScoreAboveWorker = 100;

// The oom_score_adj of children of a worker whose own file reads so; nothing where it can't be read. A protection that
// an operator has given to the worker (a negative number) isn't handed on.
std::optional<int> ChildOomScore(std::string_view worker);

// Sets that of a process that hasn't been reaped. Best effort: it may have ended meanwhile.
void SetOomScore(pid_t pid, int score);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_OOM_SCORE_H_

// The product's only reading of the clock.
#ifndef ANDIRON_WORKER_BASE_CLOCK_H_
#define ANDIRON_WORKER_BASE_CLOCK_H_

#include <andiron/time.h>

#include <chrono>
#include <string>

namespace andiron {

// CLOCK_MONOTONIC: never jumps, the same in every process of the machine.
TimePoint Now();

// The wall clock in UTC, "2026-11-21T03:00:00.123456Z": for people, decides nothing.
std::string WallTime();

// The wall clock, since 1970: for what other machines compare with theirs (the life of a token).
std::chrono::seconds WallSeconds();

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_CLOCK_H_

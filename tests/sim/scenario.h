// Scenario files: a script of turns and facts, and under each turn what the core must answer.
//
//   # why this scenario exists
//   worker drain_timeout=30s
//   pool p warm=1 max_children=1 init_timeout=10s
//   turn 5ms as_of=4ms      the loop's next turn: the clock reads 5ms; as_of is 5ms unless told
//   spawned p/0.1 pid=100   the turn's facts, in order, in the words of traces
//   > start p/0.1           what the core answers
//   until 2s                empty turns at each deadline up to 2s; answers then begin with their time
//   status                  one line for each pool
//
// A line that begins with '>' is an answer: running a script writes them anew. The oracle watches too, and what it
// finds appears as a line that begins with '!'.
#ifndef ANDIRON_TESTS_SIM_SCENARIO_H_
#define ANDIRON_TESTS_SIM_SCENARIO_H_

#include <string>
#include <string_view>

namespace andiron::sim {

// The script with its answers as they are now. A script that can't be understood ends at a line "! line 7: ...".
std::string RunScenario(std::string_view script);

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_SCENARIO_H_

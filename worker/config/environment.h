// Settings from ANDIRON_* variables: ANDIRON_LOG_LEVEL, ANDIRON_POOL_SPELL_WARM.
//
// A pool's name is written in capitals, dashes as underscores. A variable that begins with ANDIRON_POOL_ and fits no
// setting of a pool is an error, and so is one that is almost a setting of the worker: else a slip would be silent.
// Other ANDIRON_* variables are not ours to judge. An empty variable counts as unset.
#ifndef ANDIRON_WORKER_CONFIG_ENVIRONMENT_H_
#define ANDIRON_WORKER_CONFIG_ENVIRONMENT_H_

#include "worker/config/draft.h"
#include "worker/config/substitution.h"

namespace andiron {

// The pools must be there already.
void ApplyEnvironment(const EnvironmentMap& environment, Draft& draft);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_ENVIRONMENT_H_

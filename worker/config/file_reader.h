// Walks the tree of a configuration file along the descriptors and puts what it finds into a draft.
#ifndef ANDIRON_WORKER_CONFIG_FILE_READER_H_
#define ANDIRON_WORKER_CONFIG_FILE_READER_H_

#include <string>
#include <string_view>

#include "worker/config/draft.h"
#include "worker/config/substitution.h"

namespace andiron {

// Reads the file `path` (regular, at most kConfigBytesMax) into `draft`; every problem becomes an error of the draft.
void ReadConfigFile(const std::string& path, const EnvironmentMap& environment, Draft& draft);

// The same for a text that has been read; `name` stands for the file in messages.
void ReadConfigText(const std::string& name, std::string_view text, const EnvironmentMap& environment, Draft& draft);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_FILE_READER_H_

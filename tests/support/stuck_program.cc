#include "tests/support/stuck_program.h"

#include <fcntl.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace andiron {

StuckProgram::StuckProgram(const std::string& program)
    : directory_((std::filesystem::temp_directory_path() / "andiron-XXXXXX").string()) {
  // A broken lease tells its holder with SIGIO, which would end the process.
  signal(SIGIO, SIG_IGN);
  if (mkdtemp(directory_.data()) == nullptr) return;
  path_ = directory_ + "/stuck";
  std::error_code error;
  std::filesystem::copy_file(program, path_, error);
  lease_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (fcntl(lease_.get(), F_SETLEASE, F_WRLCK) != 0) lease_.Reset();
}

StuckProgram::~StuckProgram() {
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

void ProgramLink::PointTo(const std::string& program) {
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(std::filesystem::absolute(program), path_);
}

}  // namespace andiron

// Programs that can't be executed for a while, and paths that lead to them for a while.
#ifndef ANDIRON_TESTS_SUPPORT_STUCK_PROGRAM_H_
#define ANDIRON_TESTS_SUPPORT_STUCK_PROGRAM_H_

#include <string>

#include "tests/support/temp_directory.h"
#include "worker/base/unique_fd.h"

namespace andiron {

// Whoever opens a file with a write lease waits until the lease is given back, or for the kernel's lease-break-time
// (45 s).
class StuckProgram {
 public:
  // A copy of `program`, in a folder of its own.
  explicit StuckProgram(const std::string& program);
  ~StuckProgram();
  StuckProgram(const StuckProgram&) = delete;
  StuckProgram& operator=(const StuckProgram&) = delete;

  // False: it couldn't be made, or the file system knows no leases.
  bool stuck() const { return static_cast<bool>(lease_); }
  void Release() { lease_.Reset(); }
  const std::string& path() const { return path_; }

 private:
  std::string directory_;
  std::string path_;
  UniqueFd lease_;
};

// A path that leads to one program now and to another later.
class ProgramLink {
 public:
  explicit ProgramLink(const std::string& program) { PointTo(program); }
  void PointTo(const std::string& program);
  const std::string& path() const { return path_; }

 private:
  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/program";
};

}  // namespace andiron

#endif  // ANDIRON_TESTS_SUPPORT_STUCK_PROGRAM_H_

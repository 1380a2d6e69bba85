// A directory of a test's own, short enough for socket paths, removed with everything in it.
#ifndef ANDIRON_TESTS_SUPPORT_TEMP_DIRECTORY_H_
#define ANDIRON_TESTS_SUPPORT_TEMP_DIRECTORY_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace andiron {

class TempDirectory {
 public:
  TempDirectory() {
    char name[] = "/tmp/andiron-test-XXXXXX";
    const char* made = mkdtemp(name);
    EXPECT_NE(made, nullptr);
    path_ = name;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace andiron

#endif  // ANDIRON_TESTS_SUPPORT_TEMP_DIRECTORY_H_

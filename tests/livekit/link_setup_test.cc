// Without libwebsockets's libuv part there is no link, but a sentence that says what to install.
//
// This program's dlopen stands before the C library's and finds no such part.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/loop.h"
#include "worker/livekit/link.h"

extern "C" void* dlopen(const char* path, int mode) {
  if (path != nullptr && std::strstr(path, "evlib_uv") != nullptr) return nullptr;
  using Real = void* (*)(const char*, int);
  return reinterpret_cast<Real>(dlsym(RTLD_NEXT, "dlopen"))(path, mode);
}

// libwebsockets forgets the list of files in which it looked for the part.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:scandir64"; }

namespace andiron::livekit {
namespace {

TEST(LinkSetup, AMissingPartIsNamedByItsPackage) {
  uv_loop_t loop;
  ASSERT_EQ(uv_loop_init(&loop), 0);
  const auto links = Links::Create(&loop);
  ASSERT_FALSE(links.ok());
  EXPECT_THAT(std::string(links.status().message()), testing::HasSubstr("libwebsockets-evlib-uv"));
  EXPECT_EQ(CloseLoop(&loop), 0);
}

}  // namespace
}  // namespace andiron::livekit

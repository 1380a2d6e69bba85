// The child of the bench: its result says when its job began and when it was warm, by the monotonic clock that all
// processes of a machine share, as "BEGAN WARM" in nanoseconds.
#include <andiron/child.h>

#include <ctime>
#include <string>

namespace {

long long Nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

class BenchChild : public andiron::JobHandler {
 public:
  std::string Prewarm(andiron::WarmUp&) override {
    warm_ = Nanoseconds();
    return "";
  }

  andiron::JobResult Run(andiron::JobContext&) override {
    const long long began = Nanoseconds();
    return andiron::JobResult::Success(std::to_string(began) + " " + std::to_string(warm_));
  }

 private:
  long long warm_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  BenchChild child;
  return andiron::ChildMain(argc, argv, child);
}

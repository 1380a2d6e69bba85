// Every value has a name of its own, and what is no value has "?".
#include <andiron/outcome.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "jobs/action.h"
#include "jobs/status.h"

namespace andiron {
namespace {

template <typename Enum>
void ExpectNames(int count) {
  std::set<std::string_view> names;
  for (int value = 0; value < count; ++value) {
    const std::string_view name = Name(static_cast<Enum>(value));
    EXPECT_NE(name, "?") << value;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(Name(static_cast<Enum>(count)), "?");
}

TEST(Names, EveryValueHasOneOfItsOwn) {
  ExpectNames<Outcome>(kOutcomeCount);
  ExpectNames<Refusal>(kRefusalCount);
  ExpectNames<InitializeEnd>(kInitializeEndCount);
  ExpectNames<SlotState>(kSlotStateCount);
  ExpectNames<Intent>(static_cast<int>(Intent::kWorkerStopping) + 1);
  ExpectNames<BreakerState>(static_cast<int>(BreakerState::kProbing) + 1);
  ExpectNames<WorkerState>(static_cast<int>(WorkerState::kStopped) + 1);
}

}  // namespace
}  // namespace andiron

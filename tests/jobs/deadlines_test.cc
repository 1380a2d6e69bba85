#include "jobs/deadlines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace andiron {
namespace {

using namespace std::chrono_literals;

TimePoint At(int ms) { return TimePoint(std::chrono::milliseconds(ms)); }

TEST(Deadlines, TheEarliestIsTakenFirstAndOnlyWhenDue) {
  Deadlines deadlines;
  const auto a = deadlines.Add({Deadlines::Kind::kSlot, 0, 1});
  const auto b = deadlines.Add({Deadlines::Kind::kJob, 0, 2});
  deadlines.Set(a, At(20));
  deadlines.Set(b, At(10));
  EXPECT_EQ(deadlines.Next(), At(10));
  EXPECT_FALSE(deadlines.TakeDue(At(9)));
  EXPECT_EQ(deadlines.TakeDue(At(10))->number, 2U);
  EXPECT_FALSE(deadlines.TakeDue(At(19)));
  EXPECT_EQ(deadlines.TakeDue(At(30))->number, 1U);
  EXPECT_EQ(deadlines.Next(), kNever);
}

TEST(Deadlines, EqualTimesExpireInTheOrderTheyWereSet) {
  Deadlines deadlines;
  std::vector<Deadlines::Handle> handles;
  for (std::uint64_t i = 0; i < 20; ++i) handles.push_back(deadlines.Add({Deadlines::Kind::kJob, 0, i}));
  for (std::size_t i = 20; i-- > 0;) deadlines.Set(handles[i], At(5));
  for (std::uint64_t i = 20; i-- > 0;) EXPECT_EQ(deadlines.TakeDue(At(5))->number, i);
}

TEST(Deadlines, NothingIsDueWhenNothingIsSetEvenAtTheEndOfTime) {
  Deadlines deadlines;
  deadlines.Add({Deadlines::Kind::kSlot, 0, 1});
  EXPECT_FALSE(deadlines.TakeDue(kNever));
}

TEST(Deadlines, AgreesWithASortedListUnderRandomChanges) {
  Deadlines deadlines;
  std::mt19937 random(7);
  std::vector<TimePoint> model(50, kNever);
  std::vector<Deadlines::Handle> handles;
  for (std::uint64_t i = 0; i < model.size(); ++i) handles.push_back(deadlines.Add({Deadlines::Kind::kSlot, 0, i}));
  for (int round = 0; round < 20000; ++round) {
    const std::size_t i = random() % model.size();
    model[i] = random() % 4 == 0 ? kNever : At(static_cast<int>(random() % 1000));
    deadlines.Set(handles[i], model[i]);
    ASSERT_EQ(deadlines.Next(), *std::min_element(model.begin(), model.end()));
    if (random() % 3 == 0) {
      const TimePoint as_of = At(static_cast<int>(random() % 200));
      while (const auto owner = deadlines.TakeDue(as_of)) {
        ASSERT_LE(model[owner->number], as_of);
        model[owner->number] = kNever;
      }
      ASSERT_GT(deadlines.Next(), as_of);
    }
  }
}

TEST(Deadlines, AreTakenInOrderWhateverWasTakenBackBefore) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    Deadlines deadlines;
    std::vector<TimePoint> model;
    for (std::uint64_t i = 0; i < 40; ++i) {
      model.push_back(At(static_cast<int>(random() % 1000)));
      deadlines.Set(deadlines.Add({Deadlines::Kind::kSlot, 0, i}), model.back());
    }
    for (Deadlines::Handle handle = 0; handle < 40; ++handle) {
      if (random() % 2 == 0) deadlines.Set(handle, kNever);
    }
    TimePoint last = At(0);
    while (const auto owner = deadlines.TakeDue(At(1000))) {
      ASSERT_GE(model[owner->number], last);
      last = model[owner->number];
    }
  }
}

}  // namespace
}  // namespace andiron

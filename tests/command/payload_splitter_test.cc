#include "tools/andiron/payload_splitter.h"

#include <gmock/gmock.h>

#include <vector>

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> TakeAll(PayloadSplitter& splitter) {
  std::vector<std::string> payloads;
  while (std::optional<std::string> payload = splitter.Next()) payloads.push_back(*payload);
  return payloads;
}

std::vector<std::string> SplitWhole(Split split, std::string_view text) {
  PayloadSplitter splitter(split, 100);
  splitter.BeginInput();
  splitter.Add(text);
  splitter.EndInput();
  std::vector<std::string> payloads = TakeAll(splitter);
  EXPECT_TRUE(splitter.exhausted());
  return payloads;
}

TEST(PayloadSplitter, EachLineIsAPayloadEvenAnEmptyOne) {
  EXPECT_THAT(SplitWhole(Split::kLine, "one\n\nthree\n"), ElementsAre("one", "", "three"));
}

TEST(PayloadSplitter, TheLastLineNeedsNoNewline) {
  EXPECT_THAT(SplitWhole(Split::kLine, "one\ntwo"), ElementsAre("one", "two"));
}

TEST(PayloadSplitter, CarriageReturnsStay) { EXPECT_THAT(SplitWhole(Split::kLine, "one\r\n"), ElementsAre("one\r")); }

TEST(PayloadSplitter, NothingGivesNoLine) { EXPECT_THAT(SplitWhole(Split::kLine, ""), IsEmpty()); }

TEST(PayloadSplitter, NulBytesPartWhatMayHoldNewlines) {
  using namespace std::string_view_literals;
  EXPECT_THAT(SplitWhole(Split::kNul, "a\nb\0c\0"sv), ElementsAre("a\nb", "c"));
}

TEST(PayloadSplitter, AWholeFileIsOnePayloadEvenIfItIsEmpty) {
  EXPECT_THAT(SplitWhole(Split::kFile, "a\nb\n"), ElementsAre("a\nb\n"));
  EXPECT_THAT(SplitWhole(Split::kFile, ""), ElementsAre(""));
}

TEST(PayloadSplitter, LinesMayComeInPieces) {
  PayloadSplitter splitter(Split::kLine, 100);
  splitter.BeginInput();
  splitter.Add("on");
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  splitter.Add("e\ntw");
  EXPECT_THAT(TakeAll(splitter), ElementsAre("one"));
  splitter.Add("o\n");
  EXPECT_THAT(TakeAll(splitter), ElementsAre("two"));
  EXPECT_EQ(splitter.number(), 2);
}

TEST(PayloadSplitter, TheNextInputBeginsAtOneAndJoinsNothing) {
  PayloadSplitter splitter(Split::kLine, 100);
  splitter.BeginInput();
  splitter.Add("a\nend");
  splitter.EndInput();
  EXPECT_THAT(TakeAll(splitter), ElementsAre("a", "end"));
  splitter.BeginInput();
  EXPECT_FALSE(splitter.exhausted());
  splitter.Add("begin\n");
  splitter.EndInput();
  EXPECT_THAT(TakeAll(splitter), ElementsAre("begin"));
  EXPECT_EQ(splitter.number(), 1);
}

TEST(PayloadSplitter, APayloadAtTheLimitPassesAndOneByteMoreIsTooLarge) {
  PayloadSplitter splitter(Split::kLine, 4);
  splitter.BeginInput();
  splitter.Add("1234\n12345\nnext\n");
  EXPECT_THAT(TakeAll(splitter), ElementsAre("1234"));
  EXPECT_TRUE(splitter.too_large());
  EXPECT_EQ(splitter.number(), 2);
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
}

TEST(PayloadSplitter, ALineWithoutEndIsTooLargeAsSoonAsItIs) {
  PayloadSplitter splitter(Split::kLine, 4);
  splitter.BeginInput();
  splitter.Add("1234");
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  EXPECT_FALSE(splitter.too_large());
  splitter.Add("5");
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  EXPECT_TRUE(splitter.too_large());
  EXPECT_EQ(splitter.number(), 1);
}

TEST(PayloadSplitter, WhatIsTooLargeCanBePassedOver) {
  PayloadSplitter splitter(Split::kLine, 4);
  splitter.BeginInput();
  splitter.Add("12345\nnext\n123456");
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  splitter.PassOver();
  EXPECT_FALSE(splitter.too_large());
  EXPECT_THAT(TakeAll(splitter), ElementsAre("next"));
  EXPECT_TRUE(splitter.too_large());
  EXPECT_EQ(splitter.number(), 3);
  // Its rest comes in pieces, and none of it is kept.
  splitter.PassOver();
  splitter.Add("7890");
  EXPECT_EQ(splitter.waiting(), 0U);
  splitter.Add("123\nlast");
  splitter.EndInput();
  EXPECT_THAT(TakeAll(splitter), ElementsAre("last"));
  EXPECT_EQ(splitter.number(), 4);
  EXPECT_TRUE(splitter.exhausted());
}

TEST(PayloadSplitter, WhatIsPassedOverEndsWithItsInput) {
  PayloadSplitter splitter(Split::kLine, 4);
  splitter.BeginInput();
  splitter.Add("12345");
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  splitter.PassOver();
  splitter.EndInput();
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  EXPECT_TRUE(splitter.exhausted());
  splitter.BeginInput();
  splitter.Add("next\n");
  EXPECT_THAT(TakeAll(splitter), ElementsAre("next"));
}

TEST(PayloadSplitter, AFileOverTheLimitIsTooLarge) {
  PayloadSplitter splitter(Split::kFile, 4);
  splitter.BeginInput();
  splitter.Add("12345");
  EXPECT_THAT(TakeAll(splitter), IsEmpty());
  EXPECT_TRUE(splitter.too_large());
}

}  // namespace
}  // namespace andiron

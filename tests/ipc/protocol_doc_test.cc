// The worked example of docs/protocol.md is what this code writes and reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "ipc/child_messages.h"
#include "tests/ipc/bytes.h"

namespace andiron {
namespace {

constexpr const char* kOpening = "```hex\n";

// The bytes of every ```hex block: pairs of digits up to the `|` of each line.
std::string HexBlocks() {
  const char* root = std::getenv("ANDIRON_SOURCE_DIR");
  if (root == nullptr) return "";
  std::ifstream file(std::string(root) + "/docs/protocol.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  std::string bytes;
  for (std::size_t at = 0; (at = document.find(kOpening, at)) != std::string::npos;) {
    at += std::string_view(kOpening).size();
    std::istringstream lines(document.substr(at, document.find("```", at) - at));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream pairs(line.substr(0, line.find('|')));
      for (std::string pair; pairs >> pair;) bytes.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
    }
  }
  return bytes;
}

TEST(ProtocolDocument, ItsExampleIsWhatWeWrite) {
  std::string expected;
  AppendProgress(expected, 50, "loading");
  AppendHello(expected, "demo", "1.0", 4711);
  AppendRun(expected, 300, "a-1", "hi", 1500);
  AppendAck(expected, 300);
  AppendPing(expected, 1);
  AppendPong(expected, 1);
  AppendCancel(expected, 300);
  AppendResult(expected, 300, ResultMessage::End::kSucceeded, "HI");
  AppendStop(expected);
  EXPECT_EQ(testing::PrintToString(HexBlocks()), testing::PrintToString(expected));
}

}  // namespace
}  // namespace andiron

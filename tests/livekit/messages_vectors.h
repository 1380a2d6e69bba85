// Messages as LiveKit's own Go classes encode them (livekit/protocol of livekit-server 1.13.5), in hexadecimal. The
// tests say what is in them; worker and server were never asked to agree.
#ifndef ANDIRON_TESTS_LIVEKIT_MESSAGES_VECTORS_H_
#define ANDIRON_TESTS_LIVEKIT_MESSAGES_VECTORS_H_

#include <string>
#include <string_view>

namespace andiron::livekit::vectors {

// ---- from a worker ----

inline constexpr std::string_view kRegister = "0a1608011a03302e313a0808011001180150014203637070";
inline constexpr std::string_view kRegisterEmpty = "0a023a00";
inline constexpr std::string_view kRegisterHidden = "0a0808023a0408013801";
inline constexpr std::string_view kAnswerYes = "121b0a04414a5f3110012205436c65726b2a0a6167656e742d414a5f31";
inline constexpr std::string_view kAnswerNo = "12060a04414a5f31";
inline constexpr std::string_view kLoadAvailable = "1a020800";
inline constexpr std::string_view kLoadFull = "1a0a08011d0000003f20ac02";
inline constexpr std::string_view kJobRunning = "22080a04414a5f311001";
inline constexpr std::string_view kJobFailed = "22100a04414a5f3110031a06657869742037";
inline constexpr std::string_view kJobSuccess = "22080a04414a5f311002";
inline constexpr std::string_view kPing = "2a070880d095ffbc31";
inline constexpr std::string_view kPingNegative = "2a0b08ffffffffffffffffff01";
inline constexpr std::string_view kSimulate = "3206120412027231";

// ---- from the server ----

// A livekit.Job with every field set that we read, and many that we do not.
inline constexpr std::string_view kJob =
    "0a04414a5f3110011a3b0a04524d5f311202723118ac022880e2cfaa063a0c0a0a617564696f2f6f7075733a0b0a09766964"
    "656f2f565038420b6f662074686520726f6f6d22360a0450415f311203616e6e18022a066f6620616e6e3081e2cfaa064a03"
    "416e6e5a0808011001180150017a0a0a046c616e6712026e6f3208736c6565703d31733a03637070421c0801188080a8b1e3"
    "9fe7cb17288080a8b1e39fe7cb173a0441575f314a0441445f31500162060a0161120162";
inline constexpr std::string_view kRegistered = "0a200a0441575f311a1808011206312e31332e351811220265752a044e445f313801";
inline constexpr std::string_view kOffer =
    "12bf010aba010a04414a5f3110011a3b0a04524d5f311202723118ac022880e2cfaa063a0c0a0a617564696f2f6f7075733a"
    "0b0a09766964656f2f565038420b6f662074686520726f6f6d22360a0450415f311203616e6e18022a066f6620616e6e3081"
    "e2cfaa064a03416e6e5a0808011001180150017a0a0a046c616e6712026e6f3208736c6565703d31733a03637070421c0801"
    "188080a8b1e39fe7cb17288080a8b1e39fe7cb173a0441575f314a0441445f31500162060a01611201621001";
inline constexpr std::string_view kAssignment =
    "1ad9010aba010a04414a5f3110011a3b0a04524d5f311202723118ac022880e2cfaa063a0c0a0a617564696f2f6f7075733a"
    "0b0a09766964656f2f565038420b6f662074686520726f6f6d22360a0450415f311203616e6e18022a066f6620616e6e3081"
    "e2cfaa064a03416e6e5a0808011001180150017a0a0a046c616e6712026e6f3208736c6565703d31733a03637070421c0801"
    "188080a8b1e39fe7cb17288080a8b1e39fe7cb173a0441575f314a0441445f31500162060a016112016212137773733a2f2f"
    "6d656469612e6578616d706c651a05612e622e63";
inline constexpr std::string_view kAssignmentWithoutUrl = "1a0f0a060a04414a5f321a05612e622e63";
inline constexpr std::string_view kTermination = "2a060a04414a5f31";
inline constexpr std::string_view kPong = "220e0880d095ffbc311081d095ffbc31";
inline constexpr std::string_view kPongNegative = "220d08ffffffffffffffffff011001";

inline std::string FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

}  // namespace andiron::livekit::vectors

#endif  // ANDIRON_TESTS_LIVEKIT_MESSAGES_VECTORS_H_

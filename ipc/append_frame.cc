// Apart from frame.cc, so that a static program that encodes by hand doesn't link protobuf.
#include <google/protobuf/message_lite.h>

#include <cstdint>

#include "ipc/frame.h"

namespace andiron {

void AppendFrame(std::string& out, const google::protobuf::MessageLite& message) {
  const std::size_t size = message.ByteSizeLong();
  AppendVarint(out, size);
  const std::size_t at = out.size();
  out.resize(at + size);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data() + at));
}

}  // namespace andiron

// Cuts input into payloads: one for each line, for each part between NUL bytes, or for each whole input.
//
// Pure. Holds at most what was added and not taken, so who feeds it decides how much memory that is. A payload is
// exactly the bytes between separators: an empty line is an empty payload, a carriage return stays. The last payload
// needs no separator behind it.
#ifndef ANDIRON_TOOLS_ANDIRON_PAYLOAD_SPLITTER_H_
#define ANDIRON_TOOLS_ANDIRON_PAYLOAD_SPLITTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace andiron {

enum class Split { kLine, kFile, kNul };

class PayloadSplitter {
 public:
  PayloadSplitter(Split split, std::size_t payload_max) : split_(split), payload_max_(payload_max) {}

  // An input (file, or stdin) begins, the one before it has been taken whole.
  void BeginInput();
  void Add(std::string_view bytes);
  // This input is over: what is left is its last payload, and nothing of it joins the next one.
  void EndInput();

  // The next payload. Nothing if it needs more bytes, has come to the input's end, or met one that is too large.
  std::optional<std::string> Next();

  // The payload of this number is larger than payload_max; nothing follows it, unless it is passed over.
  bool too_large() const { return too_large_; }
  // Lets go of that payload up to its separator, what of it is still to come too.
  void PassOver();
  // Of the payload that Next gave last (or found too large), in this input: 1, 2, 3 ...
  std::int64_t number() const { return number_; }
  // Everything of this input has been taken.
  bool exhausted() const { return ended_ && !has_rest(); }
  // Bytes that were added and haven't been taken.
  std::size_t waiting() const { return buffer_.size() - begin_; }

 private:
  bool has_rest() const { return begin_ < buffer_.size() || whole_pending_; }
  std::optional<std::string> Take(std::size_t end, std::size_t separator);
  std::size_t FindSeparator() const { return buffer_.find(split_ == Split::kNul ? '\0' : '\n', scanned_); }

  Split split_;
  std::size_t payload_max_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what has not been taken
  std::size_t scanned_ = 0;  // no separator between begin_ and here
  std::int64_t number_ = 0;
  bool ended_ = false;
  bool whole_pending_ = false;  // a whole input is a payload even if it is empty
  bool too_large_ = false;
  bool passing_over_ = false;  // its separator hasn't come
};

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_PAYLOAD_SPLITTER_H_

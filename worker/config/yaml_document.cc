#include "worker/config/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "worker/base/escape.h"

namespace andiron {
namespace {

YamlPlace PlaceOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// The text as the library's marks count it: in bytes.
class Source {
 public:
  explicit Source(std::string_view text) : text_(text) {}

  // The first byte that may not be there; its line is 0 if there is none.
  YamlProblem BadByte() const {
    YamlPlace place{1, 1};
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t bytes = CharacterBytes(text_.substr(at));
      const char c = text_[at];
      const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
      if (bytes == 0) return {place, "the file is not UTF-8 here"};
      if (control) return {place, "a control character is not possible here"};
      at += bytes;
      place = c == '\n' ? YamlPlace{place.line + 1, 1} : YamlPlace{place.line, place.column + static_cast<int>(bytes)};
    }
    return {};
  }

  // Whether the scalar at this mark is quoted and its quote isn't closed before the end of the line.
  bool OpenQuote(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= text_.size()) return false;
    std::string_view rest = text_.substr(static_cast<std::size_t>(mark.pos));
    rest = rest.substr(0, rest.find('\n'));
    // An anchor may stand before the quote.
    while (rest.starts_with('&')) {
      rest.remove_prefix(std::min(rest.find_first_of(" \t"), rest.size()));
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    }
    if (!rest.starts_with('"') && !rest.starts_with('\'')) return false;
    const char quote = rest.front();
    for (std::size_t at = 1; at < rest.size(); ++at) {
      if (quote == '"' && rest[at] == '\\') {
        ++at;
      } else if (rest[at] == quote) {
        if (quote == '"' || at + 1 == rest.size() || rest[at + 1] != quote) return false;
        ++at;
      }
    }
    return true;
  }

  // Whether a tab is among the blanks at the beginning of the line.
  bool TabIndents(int line) const {
    std::size_t begin = 0;
    for (int i = 1; i < line && begin != std::string_view::npos; ++i) {
      begin = text_.find('\n', begin);
      if (begin != std::string_view::npos) ++begin;
    }
    if (begin == std::string_view::npos) return false;
    const std::string_view rest = text_.substr(begin);
    return rest.substr(0, rest.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
  }

 private:
  std::string_view text_;
};

// Makes the tree of the library's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Source& source, YamlDocument& document) : source_(source), document_(document) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2)
      Problem(mark, "a second document begins here: a configuration is one (check the indentation)");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Add(YamlNode::Kind::kNull, mark, anchor); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found != anchors_.end()) Attach(found->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    if (source_.OpenQuote(mark)) {
      Problem(mark, "this quote is not closed on its line (a text of several lines is written with '|')");
    }
    if (YamlNode* node = Add(YamlNode::Kind::kScalar, mark, anchor)) node->text = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Open(Add(YamlNode::Kind::kList, mark, anchor));
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Open(Add(YamlNode::Kind::kMap, mark, anchor));
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YamlNode* node;
    YamlNode* key;  // of a map's entry whose value comes next
  };

  void Problem(const YAML::Mark& mark, std::string text) {
    document_.problems.push_back({PlaceOf(mark), std::move(text)});
  }

  // Plain scalars come with the tag "?", quoted ones with "!".
  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.size() > 1) Problem(mark, "tags ('!') have no meaning here: the setting decides the type");
  }

  // nullptr when there are too many, or an error was found: the rest is read for its errors only.
  YamlNode* Add(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (document_.nodes.size() == kYamlNodesMax) {
      if (!full_) Problem(mark, "the file holds more than " + std::to_string(kYamlNodesMax) + " values");
      full_ = true;
    }
    if (full_ || documents_ > 1) return nullptr;
    YamlNode& node = document_.nodes.emplace_back();
    node.kind = kind;
    node.place = PlaceOf(mark);
    if (anchor != 0) anchors_[anchor] = &node;
    Attach(&node);
    return &node;
  }

  void Attach(YamlNode* node) {
    if (full_ || documents_ > 1) return;
    if (levels_.empty()) {
      document_.root = node;
      return;
    }
    Level& level = levels_.back();
    if (level.node->kind == YamlNode::Kind::kList) {
      level.node->items.push_back(node);
    } else if (level.key == nullptr) {
      level.key = node;
    } else {
      level.node->entries.emplace_back(level.key, node);
      level.key = nullptr;
    }
  }

  void Open(YamlNode* node) {
    if (node != nullptr) levels_.push_back({node, nullptr});
  }

  void Close() {
    if (!full_ && !levels_.empty()) levels_.pop_back();
  }

  const Source& source_;
  YamlDocument& document_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, YamlNode*> anchors_;
  int documents_ = 0;
  bool full_ = false;
};

// What the library says, in words that say what to do.
std::string InOurWords(const std::string& message) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"illegal map value", "a ':' is not possible here: check the indentation, or quote the text"},
      {"end of map not found", "this doesn't belong to the map above: check the indentation and the quotes"},
      {"end of sequence not found", "this doesn't belong to the list above: check the indentation"},
      {"end of map flow not found", "',' or '}' expected here"},
      {"end of sequence flow not found", "',' or ']' expected here"},
      {"bad file", "nested too deeply"},
      {"illegal tab when looking for indentation", "a tab is not possible here: indent with spaces"},
      {"the referenced anchor is not defined", "no '&' names what this '*' refers to"},
      {"unknown token", "this character can't begin a value: quote the text"},
  };
  for (const auto& [theirs, ours] : kWords) {
    if (message == theirs) return std::string(ours);
  }
  return message;
}

}  // namespace

YamlDocument ParseYaml(std::string_view text) {
  YamlDocument document;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const Source source(text);
  if (const YamlProblem bad = source.BadByte(); bad.place.line != 0) {
    document.problems.push_back(bad);
    return document;
  }
  TreeBuilder builder(source, document);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& error) {
    const YamlPlace place = error.mark.is_null() ? YamlPlace{1, 1} : PlaceOf(error.mark);
    // What follows an open quote is read as its text: the error after it is no news.
    if (document.problems.empty()) {
      document.problems.push_back({place, source.TabIndents(place.line)
                                              ? "a tab is not possible here: indent with spaces"
                                              : InOurWords(error.msg)});
    }
  } catch (const std::exception& error) {
    document.problems.push_back({{1, 1}, std::string("unreadable: ") + error.what()});
  }
  return document;
}

}  // namespace andiron

// Text for people and for scripts: tables, durations, counts, base64. Pure.
#ifndef ANDIRON_TOOLS_ANDIRON_TEXT_H_
#define ANDIRON_TOOLS_ANDIRON_TEXT_H_

#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace andiron {

std::string Base64(std::string_view bytes);

// "350ms", "4.2s", "3m 05s", "2h 07m", "3d 04h".
std::string ShortDuration(Duration duration);

// "1 job", "2 jobs".
std::string Count(std::int64_t number, std::string_view noun);

// What a child said, for a terminal: several lines stay several lines, each but the first indented; what a terminal
// would act on is escaped. No newline at the end.
std::string Printable(std::string_view text);

// The text itself if it ends in a newline, else with one.
std::string EndedLine(std::string text);

// Columns, each as wide as its widest cell, two spaces between; cells of `right_aligned` columns to the right.
// The first row is the heading.
std::string Table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right_aligned);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_TEXT_H_

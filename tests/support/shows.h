// Which rows of docs/faults.md a test shows, said by the test itself.
//
//   TEST(ExitTest, CodeIsTold) {
//     Shows("A6", "R26");
//     ...
//
// stands at the head of the body, before whatever may skip the test: then it is known whose rows this machine can't
// show. A fixture whose SetUp() skips never lets the body say it, and the check of the rows fails. Rows are literals,
// because tests/faults reads them in the source too. When the test has passed, this is written into the directory
// ANDIRON_SHOWN_DIR (without it, nowhere): one file for each test, so that programs that run at the same time don't
// meet. What an earlier run has written is removed first: a test that fails leaves no record.
#ifndef ANDIRON_TESTS_SUPPORT_SHOWS_H_
#define ANDIRON_TESTS_SUPPORT_SHOWS_H_

#include <concepts>
#include <initializer_list>
#include <string_view>

namespace andiron {

// Of the test that runs now. May be said more than once.
void NoteShown(std::initializer_list<std::string_view> rows);

template <std::convertible_to<std::string_view>... Row>
void Shows(const Row&... rows) {
  NoteShown({std::string_view(rows)...});
}

// For a test body that runs several things with names of their own, as scenario files are: whether this one passed.
// `rows` are separated by spaces.
void RecordShown(std::string_view test, std::string_view rows, bool passed);

}  // namespace andiron

#endif  // ANDIRON_TESTS_SUPPORT_SHOWS_H_

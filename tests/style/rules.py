"""The house rules that a reader of one file can check.

A rule takes a File and yields (line number, what is wrong). RULES lists them all; style_test.py runs
each over the tree, and over a bad and a good sample of its own.
"""

import ast
import io
import os
import re
import tokenize
from dataclasses import dataclass, field

PRODUCT = ("proto", "ipc", "jobs", "worker", "tools")
FILE_LINES = 400
TEST_FILE_LINES = 600
FUNCTION_LINES = 60
COLUMNS = 120

# Signals by number are for processes that can't have been reaped: then the number can't be somebody else's.
KILLS_ALLOWED = {
    "worker/children/signals.cc": "the group of a child whose pidfd is open and which has not been reaped",
}
# libuv keeps the time at which its poll ended; its timers count from there.
LOOP_TIME_ALLOWED = "worker/driver/driver.cc"
# A program for tests: it runs the fake world of tests/sim, and says how long that took.
SIMULATOR = "tools/simulate/"
THREADS_ALLOWED = ("worker/children/", "worker/child/")
BANNED_WORDS = {"Manager", "Helper", "Helpers", "Util", "Utils", "Info", "Data", "Context", "Handler"}
# The embedding API's own.
NAMES_ALLOWED = {"JobContext", "JobHandler"}


@dataclass
class File:
    """One file: its path from the root, its text, and the text without comments and strings."""

    path: str
    text: str
    code: str = field(default="", repr=False)

    def __post_init__(self):
        if self.is_cpp():
            self.code = blank_cpp(self.text)
        elif self.path.endswith(".py"):
            self.code = blank_python(self.text)
        else:
            self.code = self.text

    def top(self):
        return self.path.split("/")[0]

    def is_cpp(self):
        return self.path.endswith((".cc", ".h", ".c"))

    def is_header(self):
        return self.path.endswith(".h")


def blank_cpp(text):
    """Comments and literals become spaces; line breaks stay where they are."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    lines = []
    for line in text.split("\n"):
        # What is included stays readable: the rules about includes look at it.
        lines.append(line.replace('"', "\0") if line.startswith("#include") else line)
    return pattern.sub(blank, "\n".join(lines)).replace("\0", '"')


def blank_python(text):
    lines = text.split("\n")
    kinds = (tokenize.COMMENT, tokenize.STRING)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in kinds:
            continue
        (first, begin), (last, end) = token.start, token.end
        for number in range(first - 1, last):
            line = lines[number]
            left = begin if number == first - 1 else 0
            right = end if number == last - 1 else len(line)
            lines[number] = line[:left] + " " * (right - left) + line[right:]
    return "\n".join(lines)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def matches(file, pattern, what):
    for match in re.finditer(pattern, file.code):
        yield line_of(file.code, match.start()), f"{match.group().strip()}: {what}"


def includes(file):
    for match in re.finditer(r'^#include\s+(["<])([^">]+)[">]', file.code, re.M):
        yield line_of(file.code, match.start()), match.group(1), match.group(2)


# ---- the rules ----


def libuv_stays_in_the_worker(file):
    if not file.is_cpp() or file.top() in ("worker", "tests", "bench", "examples"):
        return
    for number, _, name in includes(file):
        if name == "uv.h":
            yield number, "uv.h belongs under worker/"


def one_file_reads_the_clock(file):
    if not file.is_cpp() or file.top() not in PRODUCT or file.path == "worker/base/clock.cc":
        return
    if file.path.startswith(SIMULATOR):
        return
    pattern = (r"\bclock_gettime\b|_clock::now\b|\bsystem_clock\b|\buv_hrtime\b|\bgettimeofday\b"
               r"|(?<![\w.>])(?:std::)?time\((?:nullptr|NULL|0|&)")
    yield from matches(file, pattern, "only worker/base/clock.cc reads the clock")
    if file.path != LOOP_TIME_ALLOWED:
        yield from matches(file, r"\buv_now\b|\buv_update_time\b", "only the driver looks at the loop's own time")


def tests_wait_for_conditions(file):
    # A child that hangs is what such a program is for; a test that waits so is a guess.
    if file.top() != "tests" or re.search(r"(^|[/_])child\.(cc|py)$", file.path):
        return
    pattern = r"\bsleep_for\b|\bsleep_until\b|\busleep\(|\bnanosleep\b|\btime\.sleep\b|(?<![\w.])sleep\("
    yield from matches(file, pattern, "wait for a condition under a deadline")


def nobody_kills_by_a_remembered_number(file):
    if file.top() not in PRODUCT + ("sdk", "examples") or file.path in KILLS_ALLOWED:
        return
    if not (file.is_cpp() or file.path.endswith(".py")):
        return
    pattern = (r"(?<![\w.>])(?:::)?kill\((?!\s*(?:::)?getpid\(\))|\bkillpg\(|\bSYS_t?g?kill\b|\buv_kill\b"
               r"|\buv_process_kill\b|\bos\.kill\(")
    yield from matches(file, pattern, "send signals through the pidfd of a child that has not been reaped")


def nobody_reaps_all(file):
    if file.top() not in PRODUCT or not file.is_cpp():
        return
    pattern = r"\bwaitpid\(\s*-1|(?<![\w.>])wait\(\s*(?:nullptr|&)|\bP_ALL\b[^;]*\bWEXITED\b|\bwait[34]\(\s*-1"
    yield from matches(file, pattern, "wait for one child by its own pidfd or number: the host has children too")


def files_are_short(file):
    if not (file.is_cpp() or file.path.endswith(".py")):
        return
    limit = TEST_FILE_LINES if file.top() == "tests" else FILE_LINES
    count = file.text.count("\n")
    if count > limit:
        yield count, f"{count} lines, a file may have {limit}"


def functions_are_short(file):
    if file.is_cpp():
        lengths = cpp_functions(file.code)
    elif file.path.endswith(".py"):
        lengths = ((node.lineno, node.end_lineno - node.lineno + 1) for node in ast.walk(ast.parse(file.text))
                   if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    else:
        return
    for number, length in lengths:
        if length > FUNCTION_LINES:
            yield number, f"a function of {length} lines, it may have {FUNCTION_LINES}"


def cpp_functions(code):
    """(line, lines) of each function: braces that follow parentheses, directly inside namespaces and classes."""
    code = re.sub(r"^[ \t]*#.*$", "", code, flags=re.M)
    open_braces = []  # (kind, line)
    header_begin = 0
    for match in re.finditer(r"[{};]", code):
        if match.group() == ";":
            header_begin = match.end()
            continue
        if match.group() == "}":
            if open_braces:
                kind, first = open_braces.pop()
                if kind == "function":
                    yield first, line_of(code, match.start()) - first + 1
            header_begin = match.end()
            continue
        header = code[header_begin:match.start()].strip()
        number = line_of(code, header_begin + len(code[header_begin:match.start()]) -
                         len(code[header_begin:match.start()].lstrip()))
        header_begin = match.end()
        outside = all(kind == "scope" for kind, _ in open_braces)
        header = re.sub(r"^(?:template\s*<[^{}]*?>\s*)?((?:public|private|protected):\s*)?", "", header)
        if re.match(r"(namespace|class|struct|union|enum|extern)\b", header):
            kind = "scope"
        elif outside and ("(" in header or header in ("", ",")):
            kind = "function"
        else:
            kind = "block"
        open_braces.append((kind, number))


def names_say_what_things_are(file):
    if not (file.is_cpp() or file.path.endswith(".py")):
        return
    seen = set()
    for match in re.finditer(r"(?<![\w:])[A-Z]\w*[a-z]\w*", file.code):
        name = match.group()
        words = set(re.findall(r"[A-Z][a-z0-9]*", name))
        if words & BANNED_WORDS and name not in NAMES_ALLOWED and name not in seen:
            seen.add(name)
            yield line_of(file.code, match.start()), f"{name}: say what it is, not {', '.join(words & BANNED_WORDS)}"


def nothing_is_left_for_later(file):
    for match in re.finditer(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", file.text):
        yield line_of(file.text, match.start()), f"{match.group()}: do it, or leave it"


def includes_point_left(file):
    """proto <- ipc <- jobs <- worker <- tools; examples see the public headers only."""
    if not file.is_cpp() or file.top() not in PRODUCT + ("examples",):
        return
    public = {"andiron/settings.h": "jobs", "andiron/outcome.h": "jobs", "andiron/time.h": "jobs"}
    order = {name: rank for rank, name in enumerate(PRODUCT)}
    for number, quote, name in includes(file):
        if file.top() == "examples":
            if name.split("/")[0] in PRODUCT + ("tests", "bench"):
                yield number, f"{name}: an example sees what is installed, <andiron/...>, and nothing else"
            continue
        owner = name.split("/")[0] if quote == '"' else None
        if name.startswith("andiron/"):
            owner = public.get(name, "worker")
        if name.startswith(("tests/sim/", "tests/sim_livekit/")) and file.path.startswith(SIMULATOR):
            continue
        if owner in ("tests", "bench", "examples", "sdk"):
            yield number, f"{name}: the product knows nothing of {owner}/"
        elif owner in order and order[owner] > order[file.top()]:
            yield number, f"{name}: {file.top()}/ includes only folders to its left"


def the_child_sdk_stays_small(file):
    """It is linked into every child: no libuv, no Abseil, nothing of the worker's other parts."""
    if not file.path.startswith("worker/child/") or not file.is_cpp():
        return
    for number, _, name in includes(file):
        if name.startswith("absl/") or name == "uv.h":
            yield number, f"{name}: not in the child SDK"
        elif name.startswith(("worker/", "jobs/", "andiron/")) and not (
                name.startswith("worker/child/") or name in ("andiron/child.h", "worker/base/unique_fd.h")):
            yield number, f"{name}: the child SDK knows proto/ and ipc/ only"


def headers_begin_with_their_promise(file):
    if not file.is_header():
        return
    if not file.text.startswith("// "):
        yield 1, "a header begins with a comment: what it promises"
    prefix = "" if file.top() == "examples" else "ANDIRON_"
    guard = prefix + re.sub(r"[/.]", "_", re.sub(r"^.*include/andiron/", "", file.path)).upper() + "_"
    if f"#ifndef {guard}\n#define {guard}\n" not in file.text:
        yield 1, f"the include guard is {guard}"


def markdown_begins_with_a_title(file):
    if file.path.endswith(".md") and not file.text.startswith("# "):
        yield 1, "a page begins with its title"


def lines_fit(file):
    # A scenario's line is one fact or one action, however long.
    if file.path.endswith((".md", ".txt")):
        return
    for number, line in enumerate(file.text.split("\n"), 1):
        if len(line) > COLUMNS:
            yield number, f"{len(line)} columns, a line may have {COLUMNS}"


def ownership_is_plain(file):
    if not file.is_cpp() or file.top() not in PRODUCT:
        return
    yield from matches(file, r"\bshared_ptr\b|\bmake_shared\b", "one owner, no shared ones")
    yield from matches(file, r"\[=[\],]", "capture by name")
    yield from matches(file, r"\bthrow\b(?!\s+CLI::)", "no exceptions of ours")


def one_thread_decides(file):
    if not file.is_cpp() or file.top() not in PRODUCT or file.path.startswith(THREADS_ALLOWED):
        return
    pattern = r"\bstd::j?thread\b(?!::)|\bpthread_create\b|\bstd::async\b|\bstd::mutex\b|\buv_queue_work\b"
    yield from matches(file, pattern, "threads only where processes are started, and in the child SDK")


def scripts_stop_at_the_first_error(file):
    first = file.text.split("\n", 1)[0]
    if re.match(r"#!.*\b(bash|sh)\b", first) and "\nset -euo pipefail\n" not in file.text:
        yield 1, "a script says `set -euo pipefail`"


RULES = [
    libuv_stays_in_the_worker, one_file_reads_the_clock, tests_wait_for_conditions,
    nobody_kills_by_a_remembered_number, nobody_reaps_all, files_are_short, functions_are_short,
    names_say_what_things_are, nothing_is_left_for_later, includes_point_left, the_child_sdk_stays_small,
    headers_begin_with_their_promise, markdown_begins_with_a_title, lines_fit, ownership_is_plain,
    one_thread_decides, scripts_stop_at_the_first_error,
]

# ---- the tree ----


def links(markdown):
    """The files that a page links to, as written, without those of the web, places in the page, and code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.S)
    found = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [link.split("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


SUFFIXES = (".cc", ".h", ".c", ".py", ".proto", ".md", ".cmake", ".sh", ".txt", ".yaml", ".yml", ".json", ".mjs")


def is_generated(path):
    return path.endswith("_pb2.py")


def tree(root):
    """Every text of ours under the root: by suffix, and scripts by their first line."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in ("build", "__pycache__", "node_modules")
                            and not name.endswith(".egg-info") and (name == ".ci" or not name.startswith(".")))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if is_generated(path):
                continue
            with open(os.path.join(root, path), "rb") as stream:
                content = stream.read()
            if name.endswith(SUFFIXES) or content.startswith(b"#!"):
                yield File(path, content.decode("utf-8"))

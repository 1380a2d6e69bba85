"""`figures`: all measurements and all runs, as the Markdown that docs/reliability.md holds."""

import datetime
import os
import platform
import re
import subprocess

import checks
import escapees
import kills
import soak
import worker_kills
from page import Page

PARTS = ["times", "soak", "children", "worker", "escapees"]


class MarkdownPage(Page):
    """The same words as tables and headings that can be pasted."""

    def title(self, text):
        self.progress("")
        self.line(f"#### {text}")
        super().line("")

    def table(self, rows, right=()):
        head, *body = rows
        if head[0] and not any(cell == "" for cell in head[1:]) and len(head) == 2 and head[1].isdigit():
            head, body = ("", ""), rows  # it has no heading of its own
        self.line("| " + " | ".join(head) + " |")
        self.line("|" + "|".join("---:" if column in right else "---" for column in range(len(head))) + "|")
        for row in body:
            self.line("| " + " | ".join(row) + " |")

    def line(self, text):
        """What isn't a row of a table is a paragraph of its own."""
        super().line(text if text.startswith("|") else "\n" + text.strip())


def machine(root):
    """One line: when, on what, of which commit, and how busy it was."""
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        model = re.search(r"model name\s*: (.*)", stream.read())
    git = ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode().strip()
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    cores = len(os.sched_getaffinity(0))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{date} UTC, {model.group(1) if model else platform.machine()}, {cores} cores, Linux {platform.release()}, "
        f"commit {commit or 'unknown'}, load average before: {load}"
    )


def run(options, _, programs, messages, folder):
    page = MarkdownPage(options.stdout)
    page.line(machine(options.root))
    failed = []
    parts = {"soak": soak.run, "children": kills.run, "worker": worker_kills.run, "escapees": escapees.run}
    for part in PARTS:
        if part not in options.parts:
            continue
        page.line(f"### {part}")
        if part == "times":
            done = subprocess.run([programs.reliability], stdout=subprocess.PIPE, check=False)
            page.line("")
            page.line(done.stdout.decode().strip())
            failed.append(checks.equal("exit code of andiron-reliability", done.returncode, 0))
            continue
        place = os.path.join(folder, part)
        os.mkdir(place)
        options.kills = {"children": options.child_kills, "worker": options.worker_kills}.get(part, 0)
        found = parts[part](options, page, programs, messages, place)
        page.title("Checks")
        page.table([("", "measured", "allowed", "holds")] + [row_of(check) for check in found])
        failed += found
    return [check for check in failed if not check.holds]


def row_of(check):
    return check.what, str(check.measured), check.allowed, "yes" if check.holds else "NO"

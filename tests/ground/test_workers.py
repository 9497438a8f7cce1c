"""Claims about progress bars: a terminal sees them move, a log gets a line now and then."""

import os
import pty
import subprocess
import sys
import termios

import pytest

from metanet_lib import workers

WORK = (
    "import time; from metanet_lib import workers; workers.SECONDS_A_LINE = {seconds}\n"
    "with workers.progress_bar(total=50, desc='patches') as bar:\n"
    "    for _ in range(50): time.sleep(0.02); bar.update()"
)


def log_of(seconds):
    """What stands in a log after a second of work, with a line every so many seconds."""
    run = [sys.executable, "-c", WORK.format(seconds=seconds)]
    return subprocess.run(run, capture_output=True, text=True, check=True).stderr


def test_a_log_gets_the_first_and_the_last_state_as_lines():
    first, last = log_of(30).splitlines()
    assert "\r" not in first + last
    assert first.startswith("patches:   0%")
    assert last.startswith("patches: 100%")
    assert "50/50" in last


def test_a_log_gets_a_line_now_and_then_while_the_work_goes_on():
    lines = log_of(0.3).splitlines()
    assert 4 <= len(lines) <= 6
    assert all(line.startswith("patches: ") for line in lines)


def test_a_terminal_sees_the_bar_move_in_its_place():
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen([sys.executable, "-c", WORK.format(seconds=30)], stderr=theirs):
        os.close(theirs)
        seen = b""
        try:
            while block := os.read(ours, 1024):
                seen += block
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    assert seen.count(b"\r") > 5
    assert seen.count(b"\n") == 1


def test_a_notebooks_page_is_drawn_by_tqdm_as_it_always_was(monkeypatch):
    page = type("OutStream", (), {"isatty": lambda self: False, "__module__": "ipykernel.iostream"})
    page.write = lambda self, text: None
    page.flush = lambda self: None
    monkeypatch.setattr(sys, "stderr", page())
    with workers.progress_bar(total=1) as bar:
        assert bar.mininterval == pytest.approx(0.1)

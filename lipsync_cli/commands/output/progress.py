"""Progress and messages on stderr: a bar on a terminal, a plain line every 30 s elsewhere, nothing with -q."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from lipsync_cli.commands.output.terminal import print_text
from lipsync_cli.errors import LipsyncError, PartialError, escape_controls

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_EVERY_S = 30.0


class Progress:
    """A context manager whose methods are the callables that long library work takes.

    Where there is no terminal, a line says how far the work is, whether or not something was done since the last one.

    Examples
    --------
    with Progress(quiet) as progress:
        report = collect(..., progress=progress.update, on_failure=progress.failure)
    progress.raise_if_failed(total)

    Parameters
    ----------
    quiet : say nothing but failures
    verbose : say what `detail` is given
    line_every_s : after so many seconds of one work comes a plain line
    """

    def __init__(self, quiet: bool = False, verbose: bool = False, line_every_s: float = LINE_EVERY_S) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.num_failures = 0
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._bar: tqdm | None = None
        self._label = ""
        self._line_every_s = line_every_s
        self._state: tuple[str, float, int, int | None] = ("", time.monotonic(), 0, None)
        self._lines: threading.Thread | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close_bar()
        self._ended.set()
        if self._lines is not None:
            self._lines.join()

    def update(self, done: int, total: int | None, label: str) -> None:
        """Show that `done` of `total` items (None: not known) of the work called `label` are done."""
        if self.quiet:
            return
        label = escape_controls(label)
        if self._is_terminal:
            self._update_bar(done, total, label)
            return
        known, started, *_ = self._state
        self._state = label, started if label == known else time.monotonic(), done, total
        if self._lines is None:
            self._lines = threading.Thread(target=self._print_lines, name="lipsync-progress", daemon=True)
            self._lines.start()

    def failure(self, error: LipsyncError) -> None:
        """Print one line for one input of many that failed, and count it."""
        self.num_failures += 1
        self._say(f"lipsync: {error}")

    def note(self, text: str) -> None:
        """Print one line that is of use to every user; silent with -q."""
        if not self.quiet:
            self._say(text)

    def detail(self, text: str) -> None:
        """Print one line for those who asked for more (-v)."""
        if self.verbose and not self.quiet:
            self._say(text)

    def raise_if_failed(self, total: int, noun: str = "clips") -> None:
        """Raise PartialError (exit 5) if any input failed."""
        if self.num_failures:
            raise PartialError(f"{self.num_failures} of {total} {noun} failed, the others are done")

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print_text(text, error=True)
        if self._bar is not None:
            self._bar.refresh()

    def _print_lines(self) -> None:
        """Print how far the work is, until it ends."""
        last, wait_s = time.monotonic(), self._line_every_s
        while not self._ended.wait(wait_s):
            label, started, done, total = self._state
            now = time.monotonic()
            if now - max(started, last) >= self._line_every_s:
                of = f" of {total}" if total is not None else ""
                print_text(f"{label}: {done}{of}, {now - started:.0f} s", error=True)
                last = now
            wait_s = self._line_every_s - (now - max(started, last))

    def _update_bar(self, done: int, total: int | None, label: str) -> None:
        if self._bar is None or label != self._label:
            self._close_bar()
            from tqdm import tqdm

            self._label = label
            self._bar = tqdm(desc=label, total=total, file=sys.stderr, dynamic_ncols=True, leave=False)
        if total is not None:
            self._bar.total = total
        self._bar.update(done - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

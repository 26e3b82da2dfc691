"""Progress and messages on stderr: a bar on a terminal, a plain line every 30 s elsewhere, nothing with -q."""

from __future__ import annotations

import os
import sys
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

    Examples
    --------
    with Progress(quiet) as progress:
        report = collect(..., progress=progress.update, on_failure=progress.failure)
    progress.raise_if_failed(total)

    Parameters
    ----------
    quiet : say nothing but failures
    verbose : say what `detail` is given
    """

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.num_failures = 0
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._bar: tqdm | None = None
        self._label = ""
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close_bar()

    def update(self, done: int, total: int | None, label: str) -> None:
        """Show that `done` of `total` items (None: not known) of the work called `label` are done."""
        if self.quiet:
            return
        label = escape_controls(label)
        if self._is_terminal:
            self._update_bar(done, total, label)
            return
        now = time.monotonic()
        if label != self._label:
            self._label, self._started, self._last_line = label, now, now
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            of = f" of {total}" if total is not None else ""
            print_text(f"{label}: {done}{of}, {now - self._started:.0f} s", error=True)

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

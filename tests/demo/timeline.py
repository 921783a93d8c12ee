# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's output: one line a step with its duration, one a check, and the verdict at the end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field


class DemoError(Exception):
    """The demo cannot go on; the text says what happened and what to do."""


@dataclass
class Timeline:
    """Collects what was shown. ``failures`` is empty only if every check held."""

    started: float = field(default_factory=time.monotonic)
    failures: list[str] = field(default_factory=list)
    held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str = "") -> None:
        with self._lock:
            print(text, flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A part of the demo: its title and when it began, at once; how long it took, when it ends."""
        began = time.monotonic()
        self.say(f"{began - self.started:6.1f} s  {title}")
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(title, began, stop), daemon=True)
        beat.start()
        try:
            yield
        finally:
            stop.set()
            beat.join()
        self.note(f"done in {time.monotonic() - began:.1f} s")

    def _beat(self, title: str, began: float, stop: threading.Event) -> None:
        while not stop.wait(20):
            self.note(f"… {title.split(':', maxsplit=1)[0]}: {time.monotonic() - began:.0f} s")

    def note(self, text: str) -> None:
        for line in text.splitlines():
            self.say(f"          {line}")

    def check(self, holds: bool, text: str) -> bool:
        """Say whether something holds; what does not makes the demo fail at its end."""
        self.say(f"          {'ok  ' if holds else 'FAIL'} {text}")
        if holds:
            self.held += 1
        else:
            self.failures.append(text)
        return holds

    def verdict(self) -> int:
        """The last lines, and the exit status."""
        total = time.monotonic() - self.started
        if self.failures:
            self.say(f"\n{self.held} checks held, {len(self.failures)} did not ({total:.1f} s):")
            for failure in self.failures:
                self.say(f"  {failure}")
            return 1
        self.say(f"\nAll {self.held} checks held. {total:.1f} s.")
        return 0


def die(text: str) -> int:
    """Print one clear error; return the exit status."""
    print(f"error: {text}", file=sys.stderr, flush=True)
    return 2

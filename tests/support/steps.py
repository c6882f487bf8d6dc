"""A process that dies, or falls asleep, before any of its changes on the disk."""

import os
import threading

from daemon.erp.files import aside, folder


class Crash(BaseException):
    """The process is gone: no `except OSError` of ours may see it."""


class Steps:
    """Meets every change on the disk, in the thread that it watches, before it is made."""

    def __init__(self, monkeypatch):
        self.at = lambda number: None
        self.watched = threading.current_thread()
        self.count = 0
        for name in ("link", "rename", "replace", "unlink"):
            monkeypatch.setattr(os, name, self._met(getattr(os, name)))
        monkeypatch.setattr(folder, "_write", self._met(folder._write))
        monkeypatch.setattr(aside, "write", self._met(aside.write))
        monkeypatch.setattr("daemon.erp.files.flush._flush", self._met(lambda root, paths: None))

    def _met(self, real):
        def step(*args, **kwargs):
            if threading.current_thread() is self.watched:
                self.count += 1
                self.at(self.count)
            return real(*args, **kwargs)

        return step

    def crash_at(self, number):
        """The process dies before its next step of this number; 0 lets it live."""

        def crash(step):
            if step == number:
                raise Crash

        self.count, self.at = 0, crash

    def dies(self, number, work, *args):
        """Whether it died before so many steps of this work were done."""
        self.crash_at(number)
        try:
            work(*args)
        except Crash:
            return True
        finally:
            self.crash_at(0)
        return False

"""Deletes shipped files by age and total size, when somebody asked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"\d{8}-\d{2}.*_\d+\.log\.gz")


@dataclass(frozen=True, slots=True)
class Retention:
    """Files older than `keep_days`, or the oldest beyond `keep_bytes` in all, go; 0 keeps everything."""

    logs: Path
    keep_days: int = 0
    keep_bytes: int = 0

    def apply(self, unix_seconds: int) -> list[Path]:
        """The files that were deleted."""
        if not (self.keep_days or self.keep_bytes):
            return []
        doomed = self._outdated(unix_seconds) if self.keep_days else []
        if self.keep_bytes:
            doomed += self._surplus([path for path in self._shipped() if path not in set(doomed)])
        for path in doomed:
            path.unlink(missing_ok=True)
            self._remove_empty(path.parent)
        return doomed

    def _shipped(self) -> list[Path]:
        """Every hourly file, oldest hour first."""
        found = [path for path in self.logs.glob("*.*/*/*/*/*.log.gz") if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: (path.name[:11], path.stat().st_mtime_ns, path.name))

    def _outdated(self, unix_seconds: int) -> list[Path]:
        oldest = unix_seconds - self.keep_days * 86_400
        return [path for path in self._shipped() if path.stat().st_mtime < oldest]

    def _surplus(self, kept: list[Path]) -> list[Path]:
        surplus = sum(path.stat().st_size for path in kept) - self.keep_bytes
        doomed = []
        for path in kept:
            if surplus <= 0:
                break
            surplus -= path.stat().st_size
            doomed.append(path)
        return doomed

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.logs and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

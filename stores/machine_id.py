"""Which machine this is, among those that share a Redis."""

from __future__ import annotations

import os
from pathlib import Path

FILE_NAME = "machine_id"


def machine_id(data_folder: Path) -> str:
    """16 hexadecimal digits, made at the first start and kept in the data folder.

    They belong to what lies there (the spool, the counts of the day), not to the computer: a folder that
    moves keeps its identity. A *copy* of the folder that runs beside the original must not have the file.
    """
    path = data_folder / FILE_NAME
    if not path.exists():
        data_folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{FILE_NAME}.{os.getpid()}")
        fresh.write_text(os.urandom(8).hex())
        # A link refuses an existing name, so of two first starts one identity wins for both.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()

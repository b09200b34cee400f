"""How what a job did, or what became of its process, ends a run, in words."""

from __future__ import annotations

import json
import signal
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from common.errors import InvalidInputError, SeldonError
from offline.errors import RunCancelledError
from offline.jobs.base import Job, JobContext, JobInput
from offline.records import RESULT_BYTES, Ending

PROCESS_DIED: Final = "process_died"


def carry_out(job: Job, given: JobInput, context: JobContext, memory_bytes: int | None = None) -> Ending:
    """Run the job to its end, whatever that is; a failure nobody foresaw is told in its log."""
    try:
        return _succeeded(job.run(given, context))
    except RunCancelledError as error:
        return Ending("cancelled", error=error.message, code=error.code)
    except MemoryError:
        return out_of_memory(memory_bytes)
    except SeldonError as error:
        is_final = isinstance(error, InvalidInputError)
        return Ending("failed", error=error.message, code=error.code, may_help=not is_final)
    except Exception as error:  # noqa: BLE001  the door of jobs: any fault of one is how it ended
        _tell(traceback.format_exc().splitlines(), context.log)
        words = str(error).strip().partition("\n")[0]
        return Ending("failed", error=f"{type(error).__name__}: {words}"[:2000], code="job_raised")


def out_of_memory(memory_bytes: int | None) -> Ending:
    """It took more than it may, or than there was."""
    limit = f"its limit of {memory_bytes // 2**20} MiB" if memory_bytes else "what this machine has"
    return Ending("failed", error=f"It needed more memory than {limit}.", code="out_of_memory")


def process_died(code: int) -> Ending:
    """The process ended without a word."""
    if code >= 0:
        return Ending("failed", error=f"Its process ended with exit code {code}.", code=PROCESS_DIED)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (by the system when memory is short, or by somebody)" if name == "SIGKILL" else ""
    return Ending("failed", error=f"Its process was ended by {name}{hint}.", code=PROCESS_DIED)


def as_message(ending: Ending) -> dict[str, Any]:
    """For the pipe between processes."""
    return {
        "how": ending.how,
        "result": ending.result,
        "error": ending.error,
        "code": ending.code,
        "may_help": ending.may_help,
    }


def _succeeded(result: Mapping[str, Any]) -> Ending:
    try:
        text = json.dumps(dict(result), allow_nan=False)
    except (TypeError, ValueError) as error:
        return Ending("failed", error=f"Its result is not JSON: {error}", code="job_result", may_help=False)
    if len(text) > RESULT_BYTES:
        reason = f"Its result has {len(text)} bytes, at most {RESULT_BYTES} are kept."
        return Ending("failed", error=reason, code="job_result", may_help=False)
    return Ending("succeeded", result=json.loads(text))


def _tell(lines: list[str], log: Callable[[str], None]) -> None:
    for line in lines:
        log(line)

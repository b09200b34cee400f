"""What can keep a machine from starting, and a deployment from being what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UnprocessableError,
)


class PortTakenError(ConflictError):
    """Another program listens where we should."""

    code = "port_taken"

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is taken by another program: stop that program, "
            f"or choose another port, for example SELDON_PORT={port + 1 if port < 65_535 else 8000}",
            host=host,
            port=port,
        )


class AddressUnusableError(UnavailableError):
    """The host or port cannot be listened on at all."""

    code = "address_unusable"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"cannot listen on {host} port {port}: {reason}; set SELDON_HOST and SELDON_PORT",
            host=host,
            port=port,
        )


class AlreadyRunningError(ConflictError):
    """A machine works on this data folder already; two would ship each event twice."""

    code = "already_running"

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"a machine{f' (process {pid})' if pid else ''} runs already on the data folder {folder}: "
            "stop it, or set SELDON_DATA to another folder",
            folder=str(folder),
        )


class NotMigratedError(UnavailableError):
    """The database lacks tables or columns that this version needs."""

    code = "not_migrated"

    def __init__(self, missing: int) -> None:
        super().__init__(f"the database lacks {missing} migrations: run `seldon-cli migrate` first")


class ValueNameError(InvalidInputError):
    """A secret, a config map or a key of one cannot have this name."""

    code = "value_name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name: letters, digits, '-', '_' and '.', and a letter or digit first", name=name
        )


class ValuesMissingError(NotFoundError):
    """The client has no secret or config map of this name."""

    code = "values_missing"

    def __init__(self, client: str, kind: str, name: str) -> None:
        super().__init__(f"{client} has no {kind} {name}", client=client, kind=kind, name=name)


class ValueKeysMissingError(NotFoundError):
    """The client's secret or config map lacks these keys."""

    code = "value_keys_missing"

    def __init__(self, client: str, kind: str, name: str, keys: list[str]) -> None:
        words = f"{client}'s {kind} {name} has no {', '.join(keys)}; nothing was removed"
        super().__init__(words, client=client, kind=kind, name=name, keys=keys)


class BackupExistsError(ConflictError):
    """A file of that name is there already; a backup never replaces one."""

    code = "backup_exists"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already: choose another name, or name a folder", path=str(path))


class NothingToBackUpError(NotFoundError):
    """There is no installation here."""

    code = "nothing_to_back_up"

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no database {path}: set SELDON_DATA to the installation's data folder")


class BackupUnusableError(UnprocessableError):
    """The file is no whole backup, or not one that can be restored here."""

    code = "backup_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the backup cannot be used: {reason}")


class NotEmptyError(ConflictError):
    """A restore would replace what is there."""

    code = "not_empty"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"there is {what} already: set SELDON_DATA and DATABASE_URL to an empty place, or use --force, "
            "which puts files and an SQLite database aside and replaces the tables of a PostgreSQL"
        )


class PredictorMissingError(NotFoundError):
    """The deployment has no predictor of that name."""

    code = "predictor_missing"

    def __init__(self, deployment: str, predictor: str, known: Sequence[str]) -> None:
        super().__init__(f"{deployment} has no predictor {predictor!r}; it has {', '.join(known)}")


class GenerationMissingError(NotFoundError):
    """There is no such generation to go back to."""

    code = "generation_missing"

    def __init__(self, deployment: str, number: int | None) -> None:
        which = f"generation {number}" if number else "former generation"
        super().__init__(f"{deployment} has no {which}: see its history")


class NamespaceUnclearError(InvalidInputError):
    """It is not said, or said twice, whose deployment is meant."""

    code = "namespace_unclear"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class TextUnusableError(UnprocessableError):
    """A manifest holds characters that neither databases nor processes take."""

    code = "text_unusable"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} holds the character NUL, or half a character (\\ud800 to \\udfff)")


class NotOneManifestError(InvalidInputError):
    """One manifest is expected."""

    code = "not_one_manifest"

    def __init__(self, count: int) -> None:
        super().__init__(f"one SeldonDeployment is expected, and {count} are there")


class LogMissingError(NotFoundError):
    """No process of the deployment has left a log that fits."""

    code = "log_missing"

    def __init__(self, deployment: str, unit: str) -> None:
        super().__init__(f"{deployment} has no log{f' of {unit}' if unit else ''} here")


class LogsUnreachableError(UnavailableError):
    """Nothing here can ask for the logs of the runtime."""

    code = "logs_unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"logs cannot be read: {reason}")


class RatiosWrongError(InvalidInputError):
    """The services cannot share the traffic as asked."""

    code = "ratios_wrong"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class StartedTooSlowlyError(UnavailableError):
    """A service did not answer in time; the client's strategy is what it was."""

    code = "started_too_slowly"

    def __init__(self, name: str, seconds: float, where: str) -> None:
        super().__init__(
            f"{name} does not answer after {seconds:.0f} s, and nothing was changed: {where}", name=name
        )

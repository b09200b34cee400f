"""A class's `model_error_handler`: the Flask blueprint by which it answers exceptions of its own."""

from __future__ import annotations

from typing import Any

from microservice.errors import StartError
from microservice.hooks import describe
from microservice.replies import Reply
from microservice.requests import Call


class ErrorHandler:
    """Asks the blueprint's error handlers, within a Flask application of which nothing else is used."""

    def __init__(self, subject: Any, blueprint: Any) -> None:
        """Take the class's blueprint; raises StartError when it is none."""
        try:
            import flask  # noqa: PLC0415 - only for classes that import it themselves
        except ModuleNotFoundError as error:
            raise StartError(
                f"{describe(subject)}.model_error_handler needs Flask: pip install flask"
            ) from error
        if not isinstance(blueprint, flask.Blueprint):
            kind = type(blueprint).__name__
            raise StartError(
                f"{describe(subject)}.model_error_handler is a {kind}; it must be a Flask Blueprint"
            )
        self._app = flask.Flask("model_error_handler", static_folder=None)
        self._app.register_blueprint(blueprint)

    def __call__(self, error: BaseException, call: Call) -> Reply | None:
        """Return the reply of the handler for an exception, None when none was registered for it."""
        if not isinstance(error, Exception):
            return None
        with self._app.test_request_context(call.path, method=call.method):
            try:
                answer = self._app.make_response(self._app.handle_user_exception(error))
            except type(error) as unhandled:
                if unhandled is error:
                    return None
                raise
            return Reply(answer.status_code, answer.get_data(), (answer.content_type or "").encode())


def find_error_handler(subject: Any) -> ErrorHandler | None:
    """Return what answers the exceptions of a class, None when it leaves that to us."""
    blueprint = getattr(subject, "model_error_handler", None)
    return None if blueprint is None else ErrorHandler(subject, blueprint)

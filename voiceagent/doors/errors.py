"""Refusals, as a client sees them: a status, a code for programs, and a text for people."""

from voiceagent.errors import VoiceAgentError


class RequestError(VoiceAgentError):
    """A refused request."""

    status = 400

    def __init__(self, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class BadRequestError(RequestError):
    """The client sent something that cannot work."""


class UnknownSessionError(RequestError):
    """The client named a session that does not exist (any more)."""

    status = 404


class AbsentError(RequestError):
    """The server runs without what this needs."""

    status = 404


class TooSlowError(RequestError):
    """The body comes more slowly than any real client's."""

    status = 408


class TooLargeError(RequestError):
    """The body is larger than any real client's."""

    status = 413


class UnavailableError(RequestError):
    """Not now; try again later."""

    status = 503


class UnauthorizedError(RequestError):
    """The client gave no token, or a wrong one."""

    status = 401


class ForbiddenError(RequestError):
    """The request is for another host, from another site's page, or from beyond this machine."""

    status = 403


class TooFastError(RequestError):
    """Too much from one client; slower, it is welcome."""

    status = 429

"""The one error tree. A class docstring is the default sentence; `code` is the word for logs and wire.

Three kinds are kept apart: *findings* (`model.Finding`) are values about somebody's data and are collected, never
raised one by one; the classes below are raised; bugs stay Python's built-in exceptions. HTTP status codes are known
to `server/problems.py` alone, exit codes to `cli/` alone.
"""

from __future__ import annotations

from typing import ClassVar, Self


class ConnectorError(Exception):
    """The connector could not do what was asked."""

    code: ClassVar[str] = "connector-error"

    def __init__(self, detail: str = "", *, hint: str = "", place: str = "") -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        self.hint = hint
        self.place = place
        super().__init__(self.detail)

    def afresh(self) -> Self:
        """The same error, to be raised once more by who kept it.

        One that was raised holds its traceback, and so all that its callers had in hand: kept for itself, it would keep
        the bodies of their requests.
        """
        copy = type(self).__new__(type(self), *self.args)
        copy.__dict__.update(self.__dict__)
        return copy


class BadInput(ConnectorError):
    """A file or an argument cannot be used as it is."""

    code = "bad-input"


class BadConfig(BadInput):
    """The configuration cannot be used as it is."""

    code = "bad-config"


class BadPlan(BadInput):
    """The mapping plan cannot be used as it is."""

    code = "bad-plan"


class BadPolicy(BadInput):
    """The policy cannot be used as it is."""

    code = "bad-policy"


class BadMessage(ConnectorError):
    """A peer's message is not what the specification says."""

    code = "bad-message"


class TooLarge(BadMessage):
    """The message is larger than this connector accepts."""

    code = "too-large"


class NotAuthenticated(ConnectorError):
    """The caller did not prove who it is."""

    code = "not-authenticated"


class NotAllowed(ConnectorError):
    """The caller is known and may not do this."""

    code = "not-allowed"


class NotFound(ConnectorError):
    """Nothing of that name is here."""

    code = "not-found"


class Conflict(ConnectorError):
    """Somebody else changed the same thing first; load it again and decide again."""

    code = "conflict"


class Taken(Conflict):
    """An id stands for something else, for ever: deciding again under it helps nobody."""


class NotOffered(Conflict):
    """The dataset is not offered any more: to be decided again without it."""


class IllegalTransition(ConnectorError):
    """The message does not fit the state of the process."""

    code = "illegal-transition"


class CannotCheck(ConnectorError):
    """Something needed for the decision could not be obtained, so it is neither yes nor no."""

    code = "cannot-check"


class PeerUnreachable(CannotCheck):
    """The peer did not answer."""

    code = "peer-unreachable"

    def __init__(self, detail: str = "", *, hint: str = "", place: str = "", again_after: int | None = 0) -> None:
        self.again_after = again_after
        """The seconds after which it wants to be asked again; None: asking again soon helps nobody."""
        super().__init__(detail, hint=hint, place=place)


class KeyUnreachable(CannotCheck):
    """A key of ours is out of reach: its token, or what leads to it, does not answer."""

    code = "key-unreachable"


class AddressBlocked(ConnectorError):
    """The address is not one that this connector may connect to."""

    code = "address-blocked"


class Unavailable(ConnectorError):
    """This connector cannot serve the request now; try again later."""

    code = "unavailable"


class TooMany(Unavailable):
    """More requests than this connector takes from one caller; the same request is welcome later."""

    code = "too-many-requests"

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__()

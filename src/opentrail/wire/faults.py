"""AWS faults: the errors that a client of the API is meant to see.

The class name *is* the wire code (`TrailNotFoundException`), so code, status and message have one home. A code that is no
Python name (`AWS.SimpleQueueService.NonExistentQueue`) is given as the class attribute `code`. The docstring is the default
message. Each room keeps its faults beside the code that raises them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar


class Fault(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = ""
    status: ClassVar[int] = 400
    sender: ClassVar[bool] = True
    """Whose mistake: `True` for the client's (`Sender`), `False` for ours (`Receiver`)."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "code" not in cls.__dict__:
            cls.code = cls.__name__

    def __init__(self, message: str | None = None, **members: Any) -> None:
        """`members` are further members of the error shape (`Resource`, `BucketName`, ...), spelled as botocore does."""
        self.message = message or inspect.getdoc(type(self)) or self.code
        self.members = members
        self.recorded: Mapping[str, Any] = {}
        """What whoever raised it knows for the record of the call (`api.call.Answer.recorded`)."""
        self.headers: Mapping[str, str] = {}
        """Further headers of the response (`x-amz-delete-marker`)."""
        super().__init__(f"{self.code}: {self.message}")


def fault(code: str, message: str, *, status: int = 400, sender: bool = True, **members: Any) -> Fault:
    """A fault whose code is only known at run time."""
    kind = type("Fault", (Fault,), {"code": code, "status": status, "sender": sender, "__doc__": message})
    made = kind(message, **members)
    assert isinstance(made, Fault)
    return made


class InternalFailure(Fault):
    """The request processing has failed because of an unknown error, exception or failure."""

    status = 500
    sender = False


class ServiceUnavailable(Fault):
    """The service cannot record the call at the moment, so it was not carried out. Try again later."""

    status = 503
    sender = False


class NotImplemented(Fault):
    """OpenTrail does not serve this operation yet."""

    status = 501
    sender = False


class UnknownOperationException(Fault):
    """The operation is not known to this service."""

    status = 404


class ValidationException(Fault):
    """The input does not satisfy the constraints of the service."""

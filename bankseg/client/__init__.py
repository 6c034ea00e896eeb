"""A client of the API for programs: standard library only, so that it can be copied to where the service is not installed."""

from bankseg.client.errors import ApiError, ChangedError, ConflictError, NotThereError, RefusedError, UnavailableError, UnknownCallerError
from bankseg.client.service import Service

__all__ = ["ApiError", "ChangedError", "ConflictError", "NotThereError", "RefusedError", "Service", "UnavailableError", "UnknownCallerError"]

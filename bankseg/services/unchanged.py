"""Whether a thing still is what the caller read, asked in the transaction that changes it."""

from collections.abc import Collection

from bankseg.domain.request_errors import ChangedMeanwhileError


def refuse_if_changed(tag: str, expected: Collection[str] | None) -> None:
    """Refuse a change of what is another thing by now.

    Parameters
    ----------
    tag
        Tag of what stands.
    expected
        Tags of what the caller read; None: whatever stands is to be replaced.

    Raises
    ------
    ChangedMeanwhileError
        When the tag is none of those.

    Examples
    --------
    >>> refuse_if_changed("v2", {"v2"}), refuse_if_changed("v2", None)
    (None, None)
    """
    if expected is not None and tag not in expected:
        raise ChangedMeanwhileError("it was changed since you read it", "the version you read", "read it again, and change that")

"""Client buckets: the one hash that places a client, the same in SQL and Python, frozen for ever."""

from hashlib import md5

# DuckDB spelling of the same function, with :client_id standing for the column.
BUCKET_SQL = "CAST(CAST('0x' || substr(md5(client_id), 1, 7) AS BIGINT) % $buckets AS SMALLINT)"


def bucket_of(client_id: str, buckets: int) -> int:
    """Bucket of a client, in [0, buckets).

    >>> bucket_of("C000001", 16) == bucket_of("C000001", 16)
    True
    """
    return int(md5(client_id.encode("utf-8"), usedforsecurity=False).hexdigest()[:7], 16) % buckets

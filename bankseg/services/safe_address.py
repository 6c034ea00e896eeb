"""Which addresses secrets may be sent to."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_safe_address(url: str) -> bool:
    """Whether secrets may travel to an address: over TLS, or within this machine.

    Examples
    --------
    >>> is_safe_address("https://crm.example/told"), is_safe_address("http://127.0.0.1:9/"), is_safe_address("http://crm.example/")
    (True, True, False)
    """
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

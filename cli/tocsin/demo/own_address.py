"""Which addresses are the local instance's own: its key and its secrets go there, and nowhere else."""

from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
_LOOPBACK = "127.0.0.1"


def is_own(own: str, said: str) -> bool:
    """Tell whether what a person said is the address `own`, in another spelling at most.

    `localhost` is the loopback address here: whoever then asks at `own`, and not at what was said, depends on no resolver.
    A path, a user name, another port or scheme is another address.
    """
    try:
        return _origin(urlsplit(own)) == _origin(urlsplit(said.strip()))
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _origin(url: SplitResult) -> tuple[str, str, int]:
    """Give scheme, host and port.

    Raises:
        ValueError: there is more in it, or less.
    """
    if url.scheme not in _PORTS or not url.hostname or url.path.strip("/") or url.query or url.fragment or "@" in url.netloc:
        raise ValueError("no bare address")
    host = url.hostname.removesuffix(".")
    return url.scheme, _LOOPBACK if host == "localhost" else host, url.port or _PORTS[url.scheme]

"""Who sent a request: the peer's address, or what a trusted proxy says of it (security S08)."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_CACHE_MAX = 4096
_SITE_BITS = 64

Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Read networks separated by commas, like `127.0.0.0/8, ::1`.

    Raises:
        ValueError: one of them is no address and no network.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def origin(address: str) -> str:
    """Name whom a bucket counts for an address: itself, but of IPv6 the network of 64 bits, which each customer has to himself.

    An IPv4 address written as an IPv6 one is the IPv4 address. What is no address is itself.
    """
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(IPv6Network((int(parsed), _SITE_BITS), strict=False)) if mapped is None else str(mapped)


class Addresses:
    """Finds the address of a request's sender; a forwarding header counts only from proxies that are trusted."""

    def __init__(self, trusted: Iterable[Network]) -> None:
        self._trusted = tuple(trusted)
        self._known: dict[str, bool] = {}

    def sender(self, peer: str | None, forwarded: Sequence[str]) -> str:
        """Give the nearest address that is not a trusted proxy of ours.

        Args:
            peer: the other end of the connection; None when it is already gone.
            forwarded: the values of `X-Forwarded-For`, in the order they came.
        """
        address = peer or ""
        if not forwarded or not self.trusts(address):
            return address
        for hop in reversed([hop.strip() for value in forwarded for hop in value.split(",")]):
            if not _is_address(hop):
                return address
            address = hop
            if not self.trusts(hop):
                return address
        return address

    def trusts(self, address: str) -> bool:
        """Tell whether `address` is one of our proxies; remembered, as a connection asks for each request."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _CACHE_MAX:
                self._known.clear()
            known = self._known[address] = self._look(address)
        return known

    def _look(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ip_address(address)
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

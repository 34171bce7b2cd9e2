"""Where a request comes from: what limits are counted by, and what is told to identity."""

import ipaddress

from fastapi import Request

UNKNOWN = "unknown"
NETWORK_BITS = 64
"""An IPv6 subscriber has a network of this size to choose addresses from (RFC 6177), so it counts as one."""


def client_address(request: Request) -> str:
    """The address at the other end; of trusted proxies the one that they name, see `Settings.trusted_proxies`."""
    return request.client.host if request.client else UNKNOWN


def counted_as(address: str) -> str:
    """The address, or the network, that shares one limit."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), NETWORK_BITS), strict=False))
    return str(found)

"""From where an agency's people may come in: networks, and a certificate of the office's machine.

Both are optional, for each agency its own. The address is what the stated number of proxies says
of it (``PORTAL_PROXIES``); a certificate is checked by the proxy that ends TLS and told in the
header ``Client-Cert`` (RFC 9440), or by proxies that cannot do that as an escaped PEM. Without a
proxy nobody could be believed, so there a certificate is never shown. The proxy must take the
header away from whoever sends it from outside.

An address is compared here and goes nowhere else.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

CERTIFICATE_HEADER = "Client-Cert"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class Closed(StrEnum):
    """Why somebody is not let in; the page has a sentence for each."""

    NETWORK = "network"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_UNKNOWN = "certificate_unknown"


@dataclass(frozen=True)
class Door:
    """The limits of one agency; an empty sequence limits nothing."""

    networks: Sequence[str] = ()
    certificates: Sequence[str] = ()

    def closed_to(self, address: str, certificate: str | None) -> Closed | None:
        """Return why a request is not let in, None where it is.

        Args:
            address: where it comes from.
            certificate: the fingerprint that ``fingerprint`` gives, None where none was shown.

        """
        if self.networks and not is_within(address, self.networks):
            return Closed.NETWORK
        if self.certificates and certificate is None:
            return Closed.CERTIFICATE_MISSING
        if self.certificates and certificate not in self.certificates:
            return Closed.CERTIFICATE_UNKNOWN
        return None


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return whether an address lies in one of the networks; what is no address lies in none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ipaddress.ip_network(network) for network in networks)


def network(text: str) -> str:
    """Return an address or network in its one spelling, as 192.0.2.0/24; raises ValueError."""
    return str(ipaddress.ip_network(text.strip(), strict=False))


def certificate(text: str) -> str:
    """Return a SHA-256 fingerprint in its one spelling, without colons; raises ValueError."""
    plain = re.sub(r"[\s:]", "", text).lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return plain


def fingerprint(header: str | None) -> str | None:
    """Return the SHA-256 fingerprint of the certificate in a header, None where there is none."""
    if not header:
        return None
    text = header.strip()
    pem = _PEM.search(unquote(text))
    encoded = re.sub(r"\s", "", pem.group(1)) if pem else text.removeprefix(":").removesuffix(":")
    try:
        der = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.sha256(der).hexdigest() if der else None

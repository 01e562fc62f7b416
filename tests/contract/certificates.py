"""TLS servers whose certificates are right, for another name, or signed by nobody that is trusted."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import trustme

OTHER = "elsewhere.example"


@cache
def _authority(trusted: bool) -> trustme.CA:
    return trustme.CA(organization_name="Trusted" if trusted else "Unheard of")


def serving(name: str = "127.0.0.1", *, trusted: bool = True) -> ssl.SSLContext:
    """For a server that shows a certificate for ``name``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority(trusted).issue_cert(name).configure_cert(context)
    return context


@contextmanager
def trust() -> Iterator[None]:
    """Clients made meanwhile trust our own authority and nobody else, as SSL_CERT_FILE tells them."""
    before = os.environ.get("SSL_CERT_FILE")
    with _authority(True).cert_pem.tempfile() as path:
        os.environ["SSL_CERT_FILE"] = path
        try:
            yield
        finally:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before

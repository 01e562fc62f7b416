"""TLS servers whose certificates are right, for another name, or signed by nobody that is trusted."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest
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
def _trusting() -> Iterator[None]:
    with _authority(True).cert_pem.tempfile() as path, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", path)
        yield


_held = 0
_trust = ExitStack()


@contextmanager
def trust() -> Iterator[None]:
    """Clients made meanwhile trust our own authority and nobody else, as SSL_CERT_FILE tells them.

    May be held by several at once, who leave in any order, in one thread.
    """
    global _held
    if _held == 0:
        _trust.enter_context(_trusting())
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if _held == 0:
            _trust.close()

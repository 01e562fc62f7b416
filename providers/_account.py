"""How a vendor is reached over WebSocket: its address, and the key that each connection bears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from providers import _remote
from providers._ws import Server, address


@dataclass(frozen=True)
class Account:
    provider: str
    variable: str
    """Of the environment, which holds the key."""
    base_url: str
    """Where its servers are, unless the options say otherwise."""
    headers: Callable[[str], Mapping[str, str]]
    """The key -> what each connection is asked for with."""
    closes: Mapping[int, tuple[str, bool]] = field(default_factory=dict)
    """See `Server.closes`."""

    def server(self, chosen: _remote.Options, path: str, query: Mapping[str, object] | None = None) -> Server:
        """What stands at ``path``. Raises ProviderUnavailable (no key), ParleyError (base_url is no address)."""
        key = _remote.key(chosen, self.variable, self.provider)
        url = address(chosen.base_url or self.base_url, path, self.provider, query)
        return Server(self.provider, url, chosen.timeouts, self.headers(key), (key,), self.closes)

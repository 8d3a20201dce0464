"""Where the gateway under test is, as scripts/e2b-sdk.sh says it in the environment."""

import os
from dataclasses import dataclass

import e2b

# The SDK of old, which has other routes, insists on keys in the vendor's spelling, and lacks some of what came later.
OLD = not hasattr(e2b, "ServiceBusyException")


@dataclass(frozen=True)
class Gateway:
    # Everything on one URL with a path prefix.
    url: str
    # The same over TLS, told apart by host names: `<port>-<id>.<domain>`, `api.<domain>`; carries its port.
    domain: str
    authority: str
    key: str
    # Of another tenant.
    other_key: str

    @staticmethod
    def from_environment() -> "Gateway":
        def value(name: str) -> str:
            found = os.environ.get(name)
            if not found:
                raise RuntimeError(f"{name} is not set: run the suites by scripts/e2b-sdk.sh")
            return found

        return Gateway(
            url=value("SANDSTORM_E2B_URL"),
            domain=value("SANDSTORM_E2B_DOMAIN"),
            authority=value("SSL_CERT_FILE"),
            key=value("SANDSTORM_E2B_KEY"),
            other_key=value("SANDSTORM_E2B_OTHER_KEY"),
        )

    def options(self, route: str = "plain", key: str | None = None) -> dict:
        """What the SDK is told, by route: `plain` (one URL), `tls` (host names; the SDK chooses HTTP/2), `tls-h1`."""
        options: dict = {"api_key": spelled(key or self.key)}
        if route == "plain":
            options |= {"api_url": self.url, "sandbox_url": self.url}
        else:
            options["domain"] = self.domain
            if route == "tls-h1":
                options["http_version"] = "1.1"
        return options


def spelled(key: str) -> str:
    """The same secret as the SDK will have it."""
    return key.replace("sandstorm_", "e2b_") if OLD else key

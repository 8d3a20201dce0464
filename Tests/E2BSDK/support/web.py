"""Plain HTTP towards the gateway: what browsers and other programs do with the URLs that the SDK gives out."""

import ssl

import httpx

from .gateway import Gateway


class Web:
    def __init__(self, gateway: Gateway):
        self.gateway = gateway
        self.client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=gateway.authority), timeout=30)

    async def control(self, method: str, path: str, *, key: str | None = None, **options) -> httpx.Response:
        """A route of the control plane that the SDK has no method for."""
        headers = {"x-api-key": key or self.gateway.key, **options.pop("headers", {})}
        return await self.client.request(method, self.gateway.url + path, headers=headers, **options)

    async def port(self, box, port: int, path: str = "/", method: str = "GET", **options) -> httpx.Response:
        """A server in a sandbox, by the URL with the path prefix and routing headers."""
        headers = {"e2b-sandbox-id": box.sandbox_id, "e2b-sandbox-port": str(port), **options.pop("headers", {})}
        return await self.client.request(method, self.gateway.url + path, headers=headers, **options)

    async def host(self, url: str, method: str = "GET", **options) -> httpx.Response:
        """A URL with a host name below the gateway's domain, which no resolver here needs to know."""
        target = httpx.URL(url)
        headers = {"host": target.netloc.decode(), **options.pop("headers", {})}
        return await self.client.request(
            method, target.copy_with(host="127.0.0.1"), headers=headers, extensions={"sni_hostname": target.host}, **options
        )

"""Where the API is, and what stands between: its address, the trust in its certificate, the proxy of this machine."""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from daemon.errors import ConfigError


def checked_address(base_url: str) -> URL:
    """The API's address without a slash at its end. ConfigError unless it is https, or http to this very machine."""
    url = _url(base_url)
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise _bad_address("it is no http address", base_url)
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise _bad_address("it must hold no user, password, query or fragment", "")
    if url.scheme == "http" and not is_loopback(url.host):
        raise _bad_address("orders and keys travel over https only (http is for this machine's own addresses)", base_url)
    return url.with_path(url.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Whether this host is the machine itself, by its name or number; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(text: str) -> URL | None:
    try:
        return URL(text)
    except ValueError:
        return None


def _bad_address(why: str, shown: str) -> ConfigError:
    return ConfigError(
        f"consentio.base_url cannot be used: {why}{': ' + shown if shown else ''}.",
        remedy='Set it to the API\'s address, such as "https://api.consentio.co".',
    )


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Verifies against this machine's authorities, and those of `ca_file` besides."""
    context = ssl.create_default_context()
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(ca_file)
    except OSError as problem:  # ssl.SSLError too
        raise ConfigError(
            f"consentio.ca_file {ca_file} cannot be used: {problem.strerror or 'it holds no certificates'}.",
            remedy="Name a readable file with certificates in PEM format.",
        ) from None
    return context


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy that the environment names for an address."""

    url: URL | None = None
    headers: Mapping[str, str] | None = None


def proxy_for(address: URL) -> Proxy:
    """As HTTPS_PROXY, ALL_PROXY and NO_PROXY say; this machine itself is never asked for through a proxy.

    Looked up once, not by aiohttp's `trust_env` at each request: that reads ~/.netrc every time, and breaks on what it finds.
    """
    host = address.host or ""
    proxies = getproxies()
    named = proxies.get("https") or proxies.get("all")
    if not named or is_loopback(host) or proxy_bypass(host):
        return Proxy()
    url = _url(named if "://" in named else f"http://{named}")
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            "The proxy that the environment names is no http address.",
            remedy="Correct HTTPS_PROXY (or ALL_PROXY): http://host:port, with a user and password if need be.",
        )
    headers = {"Proxy-Authorization": aiohttp.encode_basic_auth(url.user, url.password or "")} if url.user else None
    return Proxy(url.with_user(None), headers)

"""What can go wrong on the way to the API and back, translated once into our verdicts."""

import ssl

import aiohttp

from daemon.errors import DaemonError, MarketplaceRefused, MarketplaceUnavailable
from daemon.marketplace.words import clean


class Trouble(Exception):
    """One try of a request that failed: the verdict, and what is known about repeating it."""

    def __init__(self, error: DaemonError, *, untouched: bool = False, again: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        #: The API certainly did nothing.
        self.untouched = untouched
        #: Another try may end better.
        self.again = again


def lost(problem: Exception, *, host: str, timeout_s: float) -> Trouble:
    """Why there was no answer. The words of aiohttp are left out where they can hold an address: it may bear an order's hash."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return Trouble(_distrusted(host, problem.certificate_error), untouched=True, again=False)
    if isinstance(problem, aiohttp.ClientHttpProxyError):
        return _by_proxy(problem.status)
    if isinstance(problem, aiohttp.ClientProxyConnectionError):
        return _away(f"the proxy at {problem.host}:{problem.port} cannot be reached: {_words(problem.os_error)}", untouched=True)
    if isinstance(problem, aiohttp.ClientConnectorError):
        return _away(f"{host} cannot be reached: {_words(problem.os_error)}", untouched=True)
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return _away(f"{host} cannot be reached: the connection took too long", untouched=True)
    if isinstance(problem, TimeoutError):
        return _away(f"{host} did not answer within {timeout_s:g} s")
    if isinstance(problem, aiohttp.ClientResponseError):
        return _away(f"{host} does not speak HTTP as it should")
    return _away(f"the connection to {host} broke before the answer was whole")


def _away(message: str, *, untouched: bool = False) -> Trouble:
    return Trouble(MarketplaceUnavailable(message), untouched=untouched)


def _words(problem: OSError) -> str:
    return clean(problem.strerror or type(problem).__name__, 120)


def _distrusted(host: str, problem: Exception) -> MarketplaceRefused:
    why = problem.verify_message if isinstance(problem, ssl.SSLCertVerificationError) else type(problem).__name__
    return MarketplaceRefused(
        f"The certificate of {host} is not trusted: {clean(why, 120)}.",
        remedy="Check consentio.base_url; behind a proxy that opens TLS, name its certificate authority in consentio.ca_file.",
    )


def _by_proxy(status: int) -> Trouble:
    if status != 407:
        return _away(f"the proxy refused the connection: HTTP {status}", untouched=True)
    refused = MarketplaceRefused(
        "The proxy asks for other credentials.", remedy="Correct the user and password in HTTPS_PROXY, or set NO_PROXY."
    )
    return Trouble(refused, untouched=True, again=False)

"""The one way to the API that everybody takes: budget, login, retries, and an HTTP status turned into a verdict."""

import time
from collections.abc import AsyncIterable, Callable

import stamina
from yarl import URL

from daemon.errors import MarketplaceRefused, MarketplaceUnavailable, RequestRefused, SliceUnreadable
from daemon.marketplace import wire
from daemon.marketplace.budget import Budget
from daemon.marketplace.clock import ApiClock, http_date
from daemon.marketplace.login import Login, lifetime_s
from daemon.marketplace.session import Ask, Reply, Session
from daemon.marketplace.settings import MarketSettings
from daemon.marketplace.trouble import Trouble
from daemon.marketplace.words import clean
from daemon.ports import Say

_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429)


class Transport:
    """The requests of one workspace."""

    def __init__(
        self, session: Session, workspace: str, *, settings: MarketSettings, api_key: Callable[[], str], say: Say
    ) -> None:
        self.clock = ApiClock()
        self.request_count = 0
        self.login = Login(self._log_in)
        self._session = session
        self._workspace = workspace
        self._settings = settings
        self._api_key = api_key
        self._say = say
        self._budget = Budget(settings.requests_per_second)
        #: Masked in everything that is quoted: the key and the token in use.
        self._secrets: tuple[str, ...] = ()

    async def request(self, ask: Ask) -> Reply:
        """The answer, if its status is 2xx; else one of the errors of `ports.Marketplace`."""
        began = time.monotonic()
        try:
            return await self._authorized(ask)
        except Trouble as trouble:  # rarely: only now is it worth to prepare for more tries
            first = trouble
        return await self._retried(ask, first, spent_s=time.monotonic() - began)

    async def _retried(self, ask: Ask, first: Trouble, *, spent_s: float) -> Reply:
        try:
            async for attempt in self._tries(ask, spent_s=spent_s):
                with attempt:
                    if attempt.num == 1:
                        raise first
                    self._say("api.retried", request=ask.what, attempt=attempt.num)
                    return await self._authorized(ask)
        except Trouble as trouble:
            raise trouble.error from None
        raise AssertionError("stamina ends with an answer or an error")

    def _tries(self, ask: Ask, *, spent_s: float) -> AsyncIterable[stamina.Attempt]:
        def again(problem: Exception) -> bool:
            return isinstance(problem, Trouble) and problem.again and (ask.repeatable or problem.untouched)

        settings = self._settings
        return stamina.retry_context(
            on=again,
            attempts=settings.tries,
            timeout=max(settings.retry_after_cap_s - spent_s, 0.001),
            wait_initial=0.2,
            wait_max=2.0,
            wait_jitter=0.5,
        )

    async def _authorized(self, ask: Ask) -> Reply:
        if ask.public:
            return self._judged(ask, await self._send(ask, None))
        token = await self.login.token()
        reply = await self._send(ask, token.text)
        if reply.status == 401:
            token = await self.login.token(refused=token.generation)
            reply = await self._send(ask, token.text)
        if reply.status == 401:
            raise MarketplaceRefused(
                f"Consentio refused to {ask.what} twice, with a new login in between: {self._quoted(ask, reply)}",
                remedy=f"Check that the API key of workspace {self._workspace} may do this, and this machine's clock.",
            )
        return self._judged(ask, reply)

    async def _send(self, ask: Ask, token: str | None) -> Reply:
        url = self._session.url(wire.workspace_path(self._workspace) + ask.path, ask.query)
        reply = await self._exchange(ask, url, token)
        if reply.status in _REDIRECTS:
            reply = await self._exchange(ask, self._followed(ask, url, reply), token)
            if reply.status in _REDIRECTS:
                raise self._redirected("in circles")
        return reply

    async def _exchange(self, ask: Ask, url: URL, token: str | None) -> Reply:
        await self._budget.take()
        self.request_count += 1
        reply = await self._session.exchange(ask, url, token)
        self.clock.hear(reply.headers)
        return reply

    def _followed(self, ask: Ask, url: URL, reply: Reply) -> URL:
        """Where a question may follow: to another path of the same host. Keys and orders go nowhere else."""
        try:
            target = url.join(URL(reply.headers.get("Location", "")))
            host = target.host or "nowhere"
        except ValueError:
            raise self._redirected("to no address") from None
        if target.scheme not in ("http", "https") or target.origin() != url.origin():
            raise self._redirected(f"to {clean(host, 100)}")
        if ask.method != "GET":
            raise self._redirected("to another path")
        return target

    def _redirected(self, where: str) -> MarketplaceRefused:
        return MarketplaceRefused(
            f"{self._session.host} redirects {where}; the request was not sent there.",
            remedy="Set consentio.base_url to the address where the Partner API itself answers, or let it pass the proxy.",
        )

    def _judged(self, ask: Ask, reply: Reply) -> Reply:
        status = reply.status
        if 200 <= status < 300:
            return reply
        if status in _LATER or status >= 500:
            raise self._later(ask, reply)
        if status == 413 and ask.listing:
            raise SliceUnreadable("The API says that the answer would be too large (HTTP 413).")
        raise RequestRefused(f"Consentio refused to {ask.what}: {self._quoted(ask, reply)}", status=status)

    def _later(self, ask: Ask, reply: Reply) -> Trouble:
        wait, patient = self._asked_wait(reply)
        error = MarketplaceUnavailable(f"Consentio could not {ask.what}: {self._quoted(ask, reply)}", retry_after_s=wait)
        return Trouble(error, untouched=reply.status in _LATER, again=patient)

    def _asked_wait(self, reply: Reply) -> tuple[float | None, bool]:
        """How long `Retry-After` asks to wait, capped, and whether that is short enough to wait for it here."""
        asked = _retry_after_s(reply) if reply.status in (429, 503) else None
        if asked is None:
            return None, True
        cap = self._settings.retry_after_cap_s
        if asked > cap:
            self._budget.close(cap)
            return cap, False
        self._budget.delay(asked)
        return asked, True

    def _quoted(self, ask: Ask, reply: Reply) -> str:
        text = clean(reply.body.decode(errors="replace"), secrets=(*self._secrets, *ask.secrets))
        return f"HTTP {reply.status}{': ' + text if text else ''}"

    async def _log_in(self) -> tuple[str, float | None]:
        key = self._api_key()
        self._secrets = (key,)
        token = await self._token(Ask(what="log in", method="POST", path=wire.LOGIN, body=wire.login_body(key), public=True))
        self._secrets = (key, token)
        self._say("api.login_done")
        return token, lifetime_s(token, self.clock.now())

    async def _token(self, ask: Ask) -> str:
        try:
            token = wire.read_login((await self.request(ask)).body)
        except RequestRefused as refused:
            raise self._key_refused(refused) from None
        except ValueError:
            raise MarketplaceUnavailable("The answer to the login is no JSON: something other than Consentio answers.") from None
        if token is None:
            raise MarketplaceRefused(
                "The login was answered without an access_token.", remedy="Check that consentio.base_url is the Partner API."
            )
        return token

    def _key_refused(self, refused: RequestRefused) -> MarketplaceRefused:
        of_key = refused.status in (401, 403)
        return MarketplaceRefused(
            f"{refused} (workspace {self._workspace}, {self._session.host})",
            remedy="Check the API key: it opens one workspace, of one of production, staging and sandbox."
            if of_key
            else "Check consentio.base_url and the workspace's id.",
        )


def _retry_after_s(reply: Reply) -> float | None:
    """The seconds that Retry-After asks for, as a number or until an HTTP date; None if it says nothing that can be read."""
    told = reply.headers.get("Retry-After", "").strip()
    if told.replace(".", "", 1).isdecimal() and told.isascii() and len(told) < 20:
        return float(told)
    until = http_date(told)
    now = http_date(reply.headers.get("Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None

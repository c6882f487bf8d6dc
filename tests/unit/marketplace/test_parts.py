"""The parts of the transport, each alone: clock, budget, address, words."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from daemon.errors import ConfigError, MarketplaceUnavailable
from daemon.marketplace.address import checked_address, is_loopback, proxy_for, tls_context
from daemon.marketplace.budget import Budget
from daemon.marketplace.clock import ApiClock, http_date
from daemon.marketplace.words import clean

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Time:
    """A monotonic clock that moves when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


def test_clock_follows_the_last_date():
    """The API's now is its last Date plus the monotonic time since, whatever this machine's clock says."""
    time = Time()
    clock = ApiClock(monotonic=time, local=lambda: NOON - timedelta(hours=2))
    assert clock.now() is None
    assert clock.skew is None

    clock.hear({"Date": format_datetime(NOON, usegmt=True)})
    time.now += 90

    assert clock.now() == NOON + timedelta(seconds=90)
    assert clock.skew == timedelta(hours=2)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "soon"},
        {"Date": "Mon, 99 Nov 2026 12:00:00 GMT"},
        {"Date": format_datetime(NOON), "Age": "600"},
    ],
)
def test_clock_ignores_what_is_no_present(headers):
    """No Date, a broken one, or that of a cached copy sets no clock."""
    clock = ApiClock()
    clock.hear(headers)
    assert clock.now() is None


def test_http_dates():
    """Every spelling of an HTTP date is read as UTC; nonsense is None."""
    assert http_date("Mon, 23 Nov 2026 12:00:00 GMT") == http_date("Mon, 23 Nov 2026 14:00:00 +0200") == NOON
    assert http_date("Mon, 23 Nov 2026 12:00:00 -0000") == NOON
    assert http_date("12") is None


async def test_budget_allows_a_burst_and_then_a_steady_pace():
    """One second's worth of requests may leave at once; then they leave one by one, at the pace that is set."""
    time = Time()
    budget = Budget(4, monotonic=time, sleep=time.sleep)
    for _ in range(6):
        await budget.take()
    assert time.slept == [0.25, 0.25]

    time.now += 60
    for _ in range(5):
        await budget.take()
    assert time.slept == [0.25, 0.25, 0.25]


async def test_budget_below_one_a_second():
    """A pace slower than one a second is kept."""
    time = Time()
    budget = Budget(0.5, monotonic=time, sleep=time.sleep)
    await budget.take()
    await budget.take()
    assert time.slept == [2.0]


async def test_budget_without_limit_obeys_delays():
    """Without a limit nobody waits, but a delay that the API asked for holds for everybody."""
    time = Time()
    budget = Budget(0, monotonic=time, sleep=time.sleep)
    for _ in range(100):
        await budget.take()
    assert time.slept == []

    budget.delay(3)
    await budget.take()
    await budget.take()
    assert time.slept == [3.0]


async def test_closed_budget_refuses_at_once():
    """While it is closed, a request fails without waiting and says how long; afterwards all is as before."""
    time = Time()
    budget = Budget(0, monotonic=time, sleep=time.sleep)
    budget.close(60)
    time.now += 20
    with pytest.raises(MarketplaceUnavailable) as caught:
        await budget.take()
    assert caught.value.retry_after_s == 40

    time.now += 41
    await budget.take()
    assert time.slept == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback(host):
    """This machine's own names and numbers are its loopback."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "localhost.example.com", "127.0.0.1.example.com", "sandbox"])
def test_no_loopback(host):
    """Nothing else is, however it looks."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "address",
    [
        "http://api.consentio.co",
        "ftp://localhost",
        "api.consentio.co",
        "",
        "https://",
        "https://[",
        "https://x?y=1",
        "https://x#y",
    ],
)
def test_addresses_that_are_refused(address):
    """Keys travel over https only, but for this machine; what is no plain address is refused with its key and a remedy."""
    with pytest.raises(ConfigError, match=r"consentio\.base_url") as caught:
        checked_address(address)
    assert caught.value.remedy


def test_password_in_the_address_is_not_repeated():
    """An address with a password is refused without showing it."""
    with pytest.raises(ConfigError) as caught:
        checked_address("https://me:hunter2@api.consentio.co")
    assert "hunter2" not in f"{caught.value}{caught.value.remedy}"


def test_address_with_a_prefix():
    """A path before the API's own is kept, a slash at the end is not."""
    assert str(checked_address("https://gate.example.com/consentio/")) == "https://gate.example.com/consentio"


def test_proxies_come_from_the_environment(monkeypatch):
    """The proxy is used with its credentials apart, but not for this machine, nor for a host that NO_PROXY names."""
    api = checked_address("https://api.consentio.co")
    assert proxy_for(api).url is None

    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy.example.com:3128")
    proxy = proxy_for(api)
    assert str(proxy.url) == "http://proxy.example.com:3128"
    assert proxy.headers == {"Proxy-Authorization": "Basic bWU6aHVudGVyMg=="}

    assert proxy_for(checked_address("http://localhost:8090")).url is None

    monkeypatch.setenv("NO_PROXY", "consentio.co")
    assert proxy_for(api).url is None


def test_broken_proxy_is_told_without_its_password(monkeypatch):
    """A proxy that cannot be used is a config error, and its value is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:hunter2@proxy")
    with pytest.raises(ConfigError, match="proxy") as caught:
        proxy_for(checked_address("https://api.consentio.co"))
    assert "hunter2" not in f"{caught.value}{caught.value.remedy}"


def test_ca_file_that_cannot_be_used(tmp_path):
    """A missing file and one without certificates are config errors that name the key."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=r"consentio\.ca_file"):
            tls_context(path)


def test_words_are_cleaned():
    """Foreign text becomes one line, cut to its limit, without secrets or what looks like a token."""
    told = "no\r\n\x1b[1m key-77 Bearer abc.def eyJhbGciOi.eyJzdWIi.sig sk_live_123\u2028end"
    assert clean(told, secrets=["key-77", ""]) == "no [1m *** *** *** *** end"
    assert clean("x" * 400) == "x" * 299 + "…"

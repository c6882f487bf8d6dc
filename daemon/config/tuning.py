"""The config's tables about manners: cadence, deliveries, brakes, amounts, news, retention, the service, the log."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from daemon.config.durations import Duration, between
from daemon.config.table import Table
from daemon.domain.statuses import MAX_STATUS


class Sync(Table):
    poll_interval: Annotated[Duration, between("100ms", "1d", "how often Consentio is asked")] = Field(
        timedelta(seconds=60), description="how often Consentio is asked for news"
    )
    overlap: Annotated[Duration, between("1s", "1d", "orders can become visible late")] = Field(
        timedelta(minutes=10), description="how far each reading goes back behind the last, for orders that become visible late"
    )
    initial_lookback: Annotated[Duration, between("0s", "60d", "older orders need a backfill")] = Field(
        timedelta(0), description="how far before the first start accepted orders are still created in the ERP"
    )
    start_from: AwareDatetime | None = Field(
        None, description="or: the moment itself, for going live at a date", examples=["2026-11-01T00:00:00Z"]
    )
    max_window: Annotated[Duration, between("1m", "31d", "one request lists this much")] = Field(
        timedelta(days=1), description="the longest stretch of time asked for in one request"
    )
    near_sweep_interval: Annotated[Duration, between("1s", "1d", "lost edits wait for the sweep")] = Field(
        timedelta(minutes=10), description="how often the near past is read again, whatever the cursor says"
    )
    near_sweep_horizon: Annotated[Duration, between("1h", "60d", "sweeps reach 60 days at most")] = Field(
        timedelta(days=3), description="how far back that reaches"
    )
    wide_sweep_interval: Annotated[Duration, between("1s", "7d", "lost edits wait for the sweep")] = Field(
        timedelta(hours=6), description="how often the farther past is read again"
    )
    wide_sweep_horizon: Annotated[Duration, between("1h", "60d", "sweeps reach 60 days at most")] = Field(
        timedelta(days=14), description="how far back that reaches; it widens by itself after a silence"
    )

    @model_validator(mode="after")
    def _near_is_nearer(self) -> Self:
        if self.near_sweep_horizon > self.wide_sweep_horizon:
            raise ValueError("near_sweep_horizon must not be longer than wide_sweep_horizon")
        return self


class Delivery(Table):
    concurrency: int = Field(4, ge=1, le=100, description="how many calls to the ERP may run side by side")
    max_attempts: int = Field(8, ge=1, le=1000, description="after so many tries an order is parked for a person")
    backoff_initial: Annotated[Duration, between("100ms", "1h", "the first retry")] = Field(
        timedelta(seconds=5), description="the wait before the first retry; it doubles each time ..."
    )
    backoff_max: Annotated[Duration, between("100ms", "1d", "the last retry")] = Field(
        timedelta(minutes=15), description="... up to this"
    )
    lease: Annotated[Duration, between("1s", "10m", "an intent that is older is withdrawn")] = Field(
        timedelta(seconds=30), description="how long after its intent was recorded a call may still begin"
    )
    call_timeout: Annotated[Duration, between("1s", "1h", "one call to the ERP")] = Field(
        timedelta(seconds=30), description="how long one call to the ERP may take; then it is in doubt"
    )
    doubt_margin: Annotated[Duration, between("1s", "1h", "an abandoned call can still land")] = Field(
        timedelta(seconds=10), description="how long beyond lease and call_timeout a doubt waits before the ERP is asked"
    )
    group_size: int = Field(500, ge=1, le=5000, description="how many orders are recorded, and offered to the ERP, at once")

    missing_recheck: Annotated[Duration, between("1s", "1d", "orders wait in the meantime")] = Field(
        timedelta(hours=1), description="how often an order parked for what the ERP does not know is tried again by itself"
    )

    @model_validator(mode="after")
    def _backoff_grows(self) -> Self:
        if self.backoff_initial > self.backoff_max:
            raise ValueError("backoff_initial must not be longer than backoff_max")
        return self


class Brakes(Table):
    max_cancels: int = Field(
        500, ge=0, description="no more orders than this are cancelled in the ERP within a day; 0 is without limit ..."
    )
    max_cancels_share: float = Field(
        0.1, ge=0, le=10, description="... nor more than this share of the orders of the last week; 0 is without limit"
    )
    max_updates: int = Field(2000, ge=0, description="the same for orders that are changed in the ERP: by number ...")
    max_updates_share: float = Field(0.4, ge=0, le=10, description="... and by share")
    floor: int = Field(
        20, ge=0, description="so many are let through in any case, and a sweep may miss so many before it is taken for empty"
    )


class Amounts(Table):
    check: bool = Field(True, description="compare what the ERP booked with the order, where it tells totals or lines")
    tolerance: Decimal = Field(Decimal("0.05"), ge=0, description="how far an amount of money may be off ...")
    tolerance_share: Decimal = Field(Decimal("0.001"), ge=0, le=1, description="... or by this share of it, whichever is more")
    max_tax: Decimal = Field(
        Decimal(0),
        ge=0,
        le=1,
        description="how much higher it may be, as a share, where the ERP's totals include taxes: 0.21",
    )
    park: bool = Field(False, description="an order that is booked otherwise is parked for a person, after it was written")


Status = Annotated[str, StringConstraints(min_length=1, max_length=MAX_STATUS)]


class News(Table):
    statuses: dict[str, Status] = Field(
        {},
        description='the ERP\'s words for where a record stands, and what Consentio is told, such as { shipped = "On its way" }',
    )
    other_statuses: Literal["pass", "hold"] = Field(
        "pass", description="a status that is not among them: pass it on as it is, or hold it, so that the last one told stays"
    )
    cancel_on_consentio: bool = Field(
        False,
        description="cancel on Consentio what was cancelled in the ERP, as far as [brakes] allow; else the order is parked",
    )
    prepare_on_consentio: bool = Field(
        False, description="mark on Consentio as prepared what the ERP calls prepared; it cannot be taken back there"
    )


class Retention(Table):
    payloads: Annotated[Duration, between("60d", "3650d", "sweeps compare orders of the last 60 days")] = Field(
        timedelta(days=90), description="how long an order's content is kept once nothing is left to be done for it"
    )
    history: Annotated[Duration, between("60d", "3650d", "explain tells it")] = Field(
        timedelta(days=400), description="how long is kept what `explain` tells; the default: to the same season of last year"
    )


class Service(Table):
    drain_grace: Annotated[Duration, between("0s", "1h", "a stopping container is killed sooner")] = Field(
        timedelta(seconds=20),
        description="how long the running cycle may go on after SIGTERM; stay below the container's own limit",
    )
    stalled_after: Annotated[Duration, between("1m", "30d", "an outage of a minute is nothing to be woken for")] = Field(
        timedelta(minutes=15), description="a direction that went well longer ago is told as an error, once"
    )


class Log(Table):
    format: Literal["auto", "json", "console"] = Field("auto", description="json, console, or auto: console on a terminal")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")

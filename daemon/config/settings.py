"""The config's tables as models: every key, its default, its bounds, and one line of why (which the example shows)."""

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.config.durations import Duration, between
from daemon.domain.statuses import MAX_STATUS

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


#: 64MiB, written as people write it.
Size = Annotated[ByteSize, PlainSerializer(lambda size: size.human_readable(separator="").replace(".0", ""))]


class Table(BaseModel):
    """One table of the file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _split(value: str) -> SplitResult | None:
    """The parts of an address, its port included; None if it has none. Python's own words would repeat it."""
    try:
        url = urlsplit(value)
        return url if url.port is None or url.port else None
    except ValueError:
        return None


def _check_base_url(value: str) -> str:
    url = _split(value)
    if url is None or url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError('must be an address such as "https://api.consentio.co"')
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must be scheme, host and path only")
    if url.scheme == "http" and not _LOOPBACK.fullmatch(url.hostname):
        raise ValueError(
            "must begin with https://: plain http would send the API key in the clear (only this machine may be called so)"
        )
    return value.rstrip("/")


def _check_database_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if _split(text) is None or not re.match(r"sqlite:///.|postgresql://.", text):
        raise ValueError('must be "sqlite:///file.db" or "postgresql://user@host/database"')
    return value


def _check_is_file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("names a file that is not there")
    return value


class Wire(Table):
    push_key: Literal["id", "hash_id"] = Field("id", description="which identifier `external` and `seen` send: id or hash_id")
    external_envelope: str = Field("orders", description='the key around the array that `external` sends; "" sends a bare array')
    seen_envelope: str = Field("order_ids", description='the key around the array that `seen` sends; "" sends a bare array')
    edited_since: str = Field("from", min_length=1, description="the name of the date parameter of the edited list")
    cancel_field: str = Field("status", min_length=1, description="the field that says a cancel to `external` ...")
    cancel_value: str = Field("canceled", min_length=1, description="... and its value")


class Consentio(Table):
    base_url: Annotated[str, AfterValidator(_check_base_url)] = Field(
        "https://sandbox.api.consentio.co", description="production is https://api.consentio.co"
    )
    timeout: Annotated[Duration, between("1s", "10m", "one request, answer included")] = Field(
        timedelta(seconds=30), description="how long one request may take, answer included"
    )
    requests_per_second: float = Field(5.0, ge=0, le=1000, description="for each workspace; 0 is without limit")
    max_answer: Size = Field(
        ByteSize(64 * 1024**2), ge=1024, description="a larger answer is refused and asked for in smaller slices"
    )
    ca_file: Annotated[Path, AfterValidator(_check_is_file)] | None = Field(
        None, description="certificates to trust beside the system's", examples=["/etc/ssl/company.pem"]
    )
    wire: Wire = Field(Wire(), description="only if the API differs from our reading of it")


class Workspace(Table):
    id: int = Field(gt=0, lt=2**63, description="the number of the workspace on Consentio", examples=[123])
    api_key_file: Path | None = Field(None, description="read again at each login", examples=["/run/secrets/consentio_api_key"])
    api_key_env: str | None = Field(
        None, min_length=1, description="or: the environment variable that holds the key", examples=["CONSENTIO_API_KEY"]
    )
    api_key: SecretStr | None = Field(None, description="or: the key itself, which is warned about", examples=["..."])
    erp: str = Field("default", description="the [erp.NAME] table that this workspace uses")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if sum(source is not None for source in (self.api_key_file, self.api_key_env, self.api_key)) != 1:
            raise ValueError("needs exactly one of api_key_file, api_key_env and api_key")
        return self

    @property
    def name(self) -> str:
        """The id as the database and the logs know it."""
        return str(self.id)


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


class Database(Table):
    url: Annotated[SecretStr, AfterValidator(_check_database_url)] = Field(
        SecretStr("sqlite:///consentio-sync.db"), description="or postgresql://user@host/database, for production"
    )
    auto_migrate: bool | None = Field(
        None, description="bring the schema up to date at start; else SQLite does, PostgreSQL does not", examples=[True]
    )

    @property
    def shown_url(self) -> str:
        """The URL without its password, for people."""
        bare = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", self.url.get_secret_value())
        return re.sub(r"(password=)[^&]*", r"\1***", bare)

    @property
    def migrates_itself(self) -> bool:
        """Whether `run` and `once` bring the schema up to date."""
        is_sqlite = self.url.get_secret_value().startswith("sqlite")
        return is_sqlite if self.auto_migrate is None else self.auto_migrate


class Erp(BaseModel):
    """One [erp.NAME] table: the adapter's name, and the adapter's own keys, which it checks itself."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    adapter: str = Field(min_length=1, description="the adapter's name")

    @property
    def table(self) -> dict[str, Any]:
        """The adapter's own keys."""
        return dict(self.model_extra or {})


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


class Http(Table):
    enabled: bool = Field(True, description="serve /healthz and /readyz")
    host: str = Field("127.0.0.1", min_length=1, description='"0.0.0.0" to be asked from outside of a container')
    port: int = Field(8080, ge=0, le=65535, description="0 takes any free port and logs which")


class Log(Table):
    format: Literal["auto", "json", "console"] = Field("auto", description="json, console, or auto: console on a terminal")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")


class Settings(BaseSettings):
    """All tables. `load` says which sources they come from, and in which order."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    consentio: Consentio = Field(Consentio())
    workspaces: tuple[Workspace, ...]
    sync: Sync = Field(Sync())
    delivery: Delivery = Field(Delivery())
    brakes: Brakes = Field(Brakes())
    amounts: Amounts = Field(Amounts())
    news: News = Field(News())
    database: Database = Field(Database())
    retention: Retention = Field(Retention())
    erp: dict[str, Erp] = Field({}, validate_default=True)
    service: Service = Field(Service())
    http: Http = Field(Http())
    log: Log = Field(Log())

    @field_validator("workspaces", mode="before")
    @classmethod
    def _are_entries(cls, workspaces: object) -> object:
        if isinstance(workspaces, dict):
            raise ValueError(  # noqa: TRY004  # pydantic makes a problem of the config out of this kind only
                "write [[workspaces]]; a variable names an entry by its number, from 0 on: WORKSPACES__0__API_KEY_FILE"
            )
        return workspaces

    @field_validator("workspaces")
    @classmethod
    def _ids_differ(cls, workspaces: tuple[Workspace, ...]) -> tuple[Workspace, ...]:
        if not workspaces:
            raise ValueError("is empty: add a [[workspaces]] table")
        twice = [str(id) for id, count in Counter(workspace.id for workspace in workspaces).items() if count > 1]
        if twice:
            raise ValueError(f"workspace {', '.join(twice)} is there more than once: give each [[workspaces]] its own id")
        return workspaces

    @field_validator("erp")
    @classmethod
    def _erps_are_there(cls, erps: dict[str, Erp], info: ValidationInfo) -> dict[str, Erp]:
        wanted = {workspace.erp for workspace in info.data.get("workspaces", ())}
        if lacking := sorted(wanted - erps.keys()):
            tables = ", ".join(f"[erp.{name}]" for name in lacking)
            raise ValueError(f'a workspace uses {tables}, which is not there: add the table with adapter = "..."')
        return erps

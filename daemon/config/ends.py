"""The config's tables about places: Consentio, the workspaces, their ERPs, the database, the endpoint."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ByteSize, ConfigDict, Field, PlainSerializer, SecretStr, model_validator

from daemon.config.durations import Duration, between
from daemon.config.table import Table

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


#: 64MiB, written as people write it.
Size = Annotated[ByteSize, PlainSerializer(lambda size: size.human_readable(separator="").replace(".0", ""))]


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


class Http(Table):
    enabled: bool = Field(True, description="serve /healthz and /readyz")
    host: str = Field("127.0.0.1", min_length=1, description='"0.0.0.0" to be asked from outside of a container')
    port: int = Field(8080, ge=0, le=65535, description="0 takes any free port and logs which")

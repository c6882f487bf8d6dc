"""The settings of the `tryton` adapter."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from yarl import URL

from daemon.erp.mapping import MappingSettings

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _check_address(text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError('must be an address such as "https://erp.example.com"')
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ValueError("must be scheme, host, port and path only")
    return text.rstrip("/")


class TrytonSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: Annotated[str, AfterValidator(_check_address)] = Field(
        description="where Tryton's server answers", examples=["https://erp.example.com"]
    )
    database: str = Field("tryton", pattern=r"^[\w.-]+$", description="the name of its database")
    key_file: Path | None = Field(None, description="the file with the user application's key, read again when it is refused")
    key_env: str | None = Field(None, min_length=1, description="or: the environment variable that holds it")
    key: SecretStr | None = Field(None, description="or: the key itself")
    insecure_http: bool = Field(False, description="send the key over plain http to another machine")
    ca_file: Path | None = Field(None, description="certificates to trust beside the system's")
    timeout_s: float = Field(20, gt=0, le=3600, description="seconds for one request; keep it below delivery.call_timeout")
    company: str | None = Field(None, min_length=1, description="the company's name, if not the user's own")
    state: Literal["draft", "quotation", "confirmed"] = Field("quotation", description="how far a sale is taken")
    after_confirmation: Literal["conflict", "amend"] = Field(
        "conflict", description="edits and cancels of a confirmed sale: left to a person, or done by amendments"
    )
    lead_days: int = Field(0, ge=0, le=30, description="how many days before its delivery an order is shipped")
    price_digits: int = Field(4, ge=0, le=8, description="decimals of a price, as Tryton's server is configured")
    mapping: MappingSettings = MappingSettings()

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if sum(source is not None for source in (self.key_file, self.key_env, self.key)) != 1:
            raise ValueError("needs exactly one of key_file, key_env and key")
        return self

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        url = URL(self.base_url)
        if url.scheme == "http" and url.host not in _LOOPBACK and not self.insecure_http:
            raise ValueError("base_url must begin with https://, or insecure_http be true: the key would be sent in the clear")
        return self

    @property
    def identity(self) -> str:
        """Which Tryton this is."""
        return f"{self.base_url}/{self.database}" + (f"#{self.company}" if self.company else "")

    @property
    def lead(self) -> timedelta:
        """`lead_days` as a duration."""
        return timedelta(days=self.lead_days)

    def read_key(self) -> str:
        """The key as it is now; "" where there is none. Raises OSError."""
        if self.key_file is not None:
            return self.key_file.read_text(encoding="utf-8").strip()
        if self.key_env is not None:
            return os.environ.get(self.key_env, "").strip()
        return self.key.get_secret_value().strip() if self.key else ""

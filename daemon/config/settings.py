"""The config's tables as models: every key, its default, its bounds, and one line of why (which the example shows)."""

from collections import Counter

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.config.ends import Consentio, Database, Erp, Http, Workspace
from daemon.config.tuning import Amounts, Brakes, Delivery, Log, News, Retention, Service, Sync


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

"""What every table of the config has in common."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """One table of the file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

"""The kind of model that a user's wishes are written in."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Frozen, no infinities, and no field goes unnoticed: a misspelt option is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

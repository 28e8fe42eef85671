"""The kind of model that a user's wishes are written in, and its numbers and flags."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Strict

#: No text, and no true and false, which pydantic takes for 1 and 0 unless it is strict.
Integer = Annotated[int, Strict()]
#: An integer is one too.
Number = Annotated[float, Strict()]
#: Not 1 and 0, which pydantic takes for true and false unless it is strict.
Flag = Annotated[bool, Strict()]


class StrictModel(BaseModel):
    """Frozen, no infinities, and no field goes unnoticed: a misspelt option is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

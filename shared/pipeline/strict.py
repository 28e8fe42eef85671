"""Base model and number types for input from users."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Strict

#: Neither text nor booleans, which pydantic would convert.
Integer = Annotated[int, Strict()]
#: Integers are accepted too.
Number = Annotated[float, Strict()]
#: Not 1 and 0, which pydantic would convert.
Flag = Annotated[bool, Strict()]


class StrictModel(BaseModel):
    """A frozen model that refuses infinite numbers and unknown fields, such as misspelled options."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

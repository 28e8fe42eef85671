"""Base model and number types for input from users."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Strict

#: An integer. Text and booleans are refused; by default, pydantic would convert them.
Integer = Annotated[int, Strict()]
#: A floating-point number or an integer. Text and booleans are refused.
Number = Annotated[float, Strict()]
#: A boolean. The numbers 1 and 0 are refused; by default, pydantic would convert them.
Flag = Annotated[bool, Strict()]


class StrictModel(BaseModel):
    """A frozen model that refuses infinite numbers and unknown fields, such as misspelled options."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

"""What lies on the queue: which job, which generation, in which version of this schema.

The record in the table is the truth and a message only a hint, so it carries no more than that.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import BadMessage
from shared.ids import ID_PATTERN


class JobMessage(BaseModel):
    """A hint that a job may be due."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    #: Grows when the meaning changes. A worker refuses a version that it does not know.
    version: Literal[1] = 1
    job_id: str = Field(pattern=ID_PATTERN)
    generation: int = Field(ge=1)

    def encode(self) -> str:
        """Write the message body, JSON of about 70 bytes."""
        return self.model_dump_json()


def decode(body: str) -> JobMessage:
    """Read a message body. Raises BadMessage for whatever is none of ours."""
    try:
        return JobMessage.model_validate_json(body)
    except ValidationError as error:
        raise BadMessage from error

"""The message that tells a worker which job to process.

Everything else is in the job record, so a message has only the job's ID and generation.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import BadMessage
from shared.ids import ID_PATTERN


class JobMessage(BaseModel):
    """A message that names the job that a worker should process."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    #: Version of this schema. A worker refuses unknown versions.
    version: Literal[1] = 1
    job_id: str = Field(pattern=ID_PATTERN)
    generation: int = Field(ge=1)

    def encode(self) -> str:
        """Return the message body: JSON of about 70 bytes."""
        return self.model_dump_json()


def decode_message(body: str) -> JobMessage:
    """Return the message in a body. Raises BadMessage if the body is not a valid message."""
    try:
        return JobMessage.model_validate_json(body)
    except ValidationError as error:
        raise BadMessage from error

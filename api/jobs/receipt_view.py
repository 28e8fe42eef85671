"""A receipt over the wire."""

from pydantic import Field

from api.jobs.schemas import View
from shared.jobs.receipt import Receipt


class ReceiptView(View):
    """A receipt and its name. Later versions may add members to the receipt."""

    digest: str = Field(
        description="SHA-256, hexadecimal, of `receipt` in canonical form (RFC 8785): equal receipts have equal ones."
    )
    receipt: Receipt

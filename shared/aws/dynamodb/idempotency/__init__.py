"""The table ``Idempotency``: requests, deletions, rate limits and upload tokens, kept for a short time."""

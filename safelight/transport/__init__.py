"""HTTP transport: retries, error translation, AWS signatures and upload forms."""

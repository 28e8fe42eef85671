"""Jobs, batches, messages, receipts and recovery."""

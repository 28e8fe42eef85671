"""Jobs and what belongs to them: batches, messages, receipts, recovery."""

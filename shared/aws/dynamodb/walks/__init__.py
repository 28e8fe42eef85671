"""Operations on batches that the server continues, and their walks."""

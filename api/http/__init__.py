"""HTTP concerns that every resource shares: bodies, cursors, ETags, idempotency, links, problem documents."""

"""HTTP concerns of all resources: bodies, cursors, ETags, idempotency, links, responses, problem documents."""

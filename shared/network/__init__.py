"""Connections to hosts that callers have chosen."""

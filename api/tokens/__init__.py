"""Upload tokens: what a web page without credentials may do."""

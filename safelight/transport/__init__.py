"""How requests travel: retries, and the one translation of httpx's errors into the client's."""

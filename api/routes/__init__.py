"""One module for each resource; one function for each endpoint: parse, one call, answer."""

"""The Lambda box: an execution environment of Lambda on this machine, with what Lambda refuses."""

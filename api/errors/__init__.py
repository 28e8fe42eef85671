"""The descriptions of errors, to which the ``type`` of problem documents leads."""

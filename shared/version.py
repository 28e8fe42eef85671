"""The version that the API and the OpenAPI document show. A test compares it with ``pyproject.toml``."""

VERSION = "0.1.0"

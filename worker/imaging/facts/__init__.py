"""Facts about a raw image. Metadata is read within fixed limits, and damage to it costs only the facts it holds."""

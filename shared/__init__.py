"""What the API and the worker must agree on: jobs, pipelines, messages, keys, errors, settings."""

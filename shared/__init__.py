"""Code that several Lambdas share: jobs, pipelines, messages, object keys, errors and settings."""

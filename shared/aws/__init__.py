"""Access to AWS: one class per resource. Only this package uses boto3."""

"""Direct uploads to S3."""

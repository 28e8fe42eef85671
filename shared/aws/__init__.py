"""The only place that knows boto3: one class for each AWS resource that the functions use."""

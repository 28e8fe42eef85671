"""Lambda functions that process images and recover jobs."""

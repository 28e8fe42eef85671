"""Watches: objects that appear under a prefix of an S3 bucket become jobs."""

"""S3: the image bucket, source buckets and upload forms."""

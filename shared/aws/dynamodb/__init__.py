"""DynamoDB: one class per table or index."""

"""Jobs: create, read, list, cancel, retry and delete them, and return their images and receipts."""

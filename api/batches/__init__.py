"""Batches of jobs and backfills."""

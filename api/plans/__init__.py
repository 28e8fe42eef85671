"""Plans: predict what a job would do."""

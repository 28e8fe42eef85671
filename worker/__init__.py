"""Lambdas that process images and recover jobs."""

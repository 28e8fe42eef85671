"""Lambdas that publish job events and deliver webhooks."""

"""Webhooks, their signing secrets and their deliveries."""

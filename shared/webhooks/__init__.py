"""Webhooks, events and deliveries."""

"""Watches, and the marks of the objects that they have handled."""

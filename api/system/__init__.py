"""Health and capabilities."""

"""What became of a job in, news of it out: events on a topic, and webhooks."""

"""Which party has taken notice of what; the timeline."""

"""Every event type as it was first published, and the proof that today's classes still read and write it."""

"""The services: each owns its data; none imports another."""

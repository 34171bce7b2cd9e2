"""Who manages which devices and groups: one document a user."""

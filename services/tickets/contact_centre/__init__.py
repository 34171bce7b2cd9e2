"""The contact centre's CRM, by messages."""

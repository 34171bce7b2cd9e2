"""Secret calendar addresses of people."""

"""What needs the reader today."""

"""Local views of devices, accounts and people."""

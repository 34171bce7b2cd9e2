"""What the contact centre does on a ticket."""

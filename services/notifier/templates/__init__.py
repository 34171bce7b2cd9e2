"""What a mail says, in six languages."""

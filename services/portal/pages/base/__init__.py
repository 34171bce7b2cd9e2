"""What every page stands on: who reads it, its frame, its files, its errors."""

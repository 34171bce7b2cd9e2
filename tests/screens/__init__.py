"""Pictures of every page of a running demonstration, side by side on one sheet, to be looked at."""

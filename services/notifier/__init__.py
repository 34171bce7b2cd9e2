"""The notifier: mails who should know."""

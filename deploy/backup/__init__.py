"""Backups: one file with the database, the secret key and the events that are not shipped."""

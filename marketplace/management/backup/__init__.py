"""Backup and restore: a database dump, the files that its rows name, and a manifest of both."""

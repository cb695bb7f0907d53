"""Plumbing without domain words: settings, logs, metrics, the log seam, PostgreSQL, lifecycle."""

"""What each webhook source sends: one source, one file."""

"""What ingest decides, without clock, random or I/O."""

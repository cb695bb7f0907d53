"""Real PostgreSQL and Apache Kafka from wheels and pinned jars, with no Docker."""

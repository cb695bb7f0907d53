"""What ingest talks to: PostgreSQL, the limiter's library, standard output, sockets."""

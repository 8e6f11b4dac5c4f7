"""A real Apache Kafka and a real PostgreSQL on loopback, in a directory, from wheels and jars: no Docker, no root."""

"""A real Apache Kafka and PostgreSQL on the loopback interface, from wheels and jars: no Docker, no root."""

"""What an administrator runs against Kafka: topics, users, rights, dead letters. The only user of confluent-kafka.

Nothing that serves imports this package: import-linter and `tests/transport/test_one_client.py` see to it.
"""

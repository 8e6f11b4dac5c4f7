"""The schema of a programme document: one frozen record per section, unknown members refused.

A member's description states its meaning, type, unit and range; its examples are valid values. The JSON Schema
(`schemas/programme.schema.json`) and the reference (`schemas/programme.md`) are made from these records.
"""

"""Logs that were made once and must audit clean for ever, whatever the code becomes."""

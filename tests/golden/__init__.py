"""Logs that were made once and must audit clean for ever, after any change of the code."""

"""Redemption: turns trades into delivered GPU time and delivered GPU time into payment.

`commands` and `events` define its messages; `service` declares what it decides, consumes and shows.
"""

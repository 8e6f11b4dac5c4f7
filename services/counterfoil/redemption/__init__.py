"""Redemption: turns trades into delivered GPU time and delivered GPU time into payment.

`commands` and `events` are its words, `service` declares what it decides, consumes and shows.
"""

"""Matching: brings the providers' offers and the beneficiaries' bids together, by the matching rule PTW-1.

Its log, ``HOST/matching/SHARD``, holds every order from its receipt to its end and every trade between them. Providers
post, amend and cancel offers of nodes over delivery hours; beneficiaries place, amend and cancel bids for blocks of
contiguous hours.

It reacts to the ledger: an order enters the book, and may trade, once its funds or bond are held (``hold.placed``,
``bond.held``), and is closed if they cannot be held (``hold.refused``). From issuance it mirrors the parties and
keys, the classes, the programmes and which providers each of them pays. Two timers end orders whose time is over and
continue a pass over the book that was too long for one entry.

`commands` and `events` define its messages; `service` declares what it decides, consumes and shows. The life of an
order is in `offers`, `bids`, `admission` and `expiry`. A `MatchingRule` (`orders`), here `continuous`,
decides which orders match.
"""

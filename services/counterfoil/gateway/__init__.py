"""The HTTP edge: takes signed commands in, gives receipts, queries, an event stream and the published logs out.

It decides nothing and holds no key: it checks form and limits, passes the signed bytes unchanged to a service, and
answers with the entry in the log.
"""

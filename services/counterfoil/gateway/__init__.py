"""The HTTP edge: takes signed commands in, gives receipts, queries, an event stream and the published logs out.

It decides nothing and holds no key: it checks form and limits, hands the very bytes that were signed to a service, and
answers with what the log says.
"""

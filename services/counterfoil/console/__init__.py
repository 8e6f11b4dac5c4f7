"""The console: pages for people, over the queries of the HTTP interface, served by the gateway below ``/console``.

HTML is made here; a browser needs no script to read it. What runs in a browser (proof and signing) is in ``static/js``;
``README.md`` says what the two promise each other.
"""

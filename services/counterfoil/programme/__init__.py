"""A programme as data: the document that an issuer writes, and the one value that answers what it says. Pure.

`form` is the document's schema; `reading` makes a document of JSON data; `rules.Rules` is what a document means.
`lint` finds what contradicts itself before anything is signed. `benefit` computes what lines pay, `eligibility` judges
who may apply, `transfers` who may hand credit on to whom, `expiry` when it ends, `exhaustion` who gets what when there
is too little. Each answer carries its reasons as steps that `explaining` puts into words.

Amounts are integer micro-units, quantities integer millionths of the unit, rates are fractions, times microseconds in
UTC; calendar days and periods are those of the programme's UTC offset.
"""

"""Words and rules of order sync: standard library only, not one await.

The vocabulary, used the same way in every room, log line and table:

order       one order of the marketplace, known by its `id` everywhere
line        one item of an order
revision    one distinct business content of one order, numbered from 1, never changed
reading     one order as one answer of the API showed it
stream      a list that is read with a cursor: accepted, edited, near sweep, wide sweep
cursor      how far a stream was read
slice       a stretch of time asked for in one request
situation   where an order stands with the ERP, and only there
wanted      the latest revision that is accepted or canceled: what the ERP should hold
record      the ERP's document for an order; a record that is not live is cancelled
incarnation how often an order was created in the ERP: it rises with each done cancel
effect      one change in the outside world; its key names it, in our ledger and in the ERP
intent      a ledger row committed before its effect; while it is open it is a doubt
reference   the ERP's name for an order, told to the marketplace
seen        the marketplace's word for "this edit was processed"
"""

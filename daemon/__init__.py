"""Consentio Sync: carries accepted marketplace orders into an ERP, and keeps both sides equal.

The map of the house. A room imports only rooms below it, never beside or above.

    cli            the commands; errors become a message, a remedy and an exit code
    service        the long life: open, serve, schedule, reload, health, drain, close
    app            the one place where the parts meet
    config, log    what the operator tunes and what the operator reads
    sync           the way of an order: collect, deliver, reports, acknowledge
    marketplace    the Consentio API
    store          the memory; all SQL lives here
    erp            the ERP adapters, their loader, and what any of them may use: the mapping, and threads for synchronous code
    sandbox        the Consentio API imitated, by a stranger to all other rooms
    testing        fakes of every port, and the exam that every adapter sits
    ports          every Protocol, one page for each door
    domain         words and rules; no input, no output
    errors         every error; the class is the verdict

The author of an ERP adapter needs `ports`, `domain`, `errors`, `erp.mapping`, `erp.blocking` and `testing`: these are the public
face.
"""

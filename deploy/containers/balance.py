"""Runs inside the trial's container: stills the market, takes the inbox as an ERP would, and holds both sides' books together."""

import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from daemon.sandbox.audit import audit
from daemon.sandbox.folder_erp import FolderErp
from daemon.sandbox.remote import Remote

ADDRESS = "127.0.0.1:8090"
PATIENCE_S = 120

control = HTTPConnection(ADDRESS, timeout=30)
control.request("POST", "/_sandbox/market", '{"do": "pause"}')
assert control.getresponse().status == 200

erp, market = FolderErp(Path("erp/inbox")), Remote(f"http://{ADDRESS}")
deadline = time.monotonic() + PATIENCE_S
while True:
    state = market.state()
    erp.import_some()
    findings = audit(state, erp.book)
    if not findings or time.monotonic() > deadline:
        break
    time.sleep(1)

accepted = sum(order["status"] == "accepted" for order in state["orders"])
live = sum(record.live for record in erp.book.records.values())
print(f"{accepted} accepted orders on the market, {live} live records in the ERP, {len(erp.book.postings)} documents")
for finding in findings:
    print(f"  {finding}")
sys.exit(bool(findings) or not accepted)

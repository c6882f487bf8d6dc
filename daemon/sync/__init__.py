"""The way of an order: collect, deliver, read the ERP's reports, acknowledge."""

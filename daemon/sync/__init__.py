"""The way an order takes: collect → deliver → acknowledge, one cycle after the other. Reads like the drawing in the design."""

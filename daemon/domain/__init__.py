"""The words and rules of the trade: standard library only, no input, no output."""

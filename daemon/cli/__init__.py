"""The commands an operator types: one file for each family of them."""

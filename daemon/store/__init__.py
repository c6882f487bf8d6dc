"""The memory: tables, transactions and every SQL statement of the program."""

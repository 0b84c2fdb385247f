"""What the execution check is made of: the accounts, their fills and prices, recomputed independently of `decide`."""

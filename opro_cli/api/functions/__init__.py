"""Functions of the user: how they are called, and what is known of them."""

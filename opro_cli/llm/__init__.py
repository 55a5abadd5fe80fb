"""Who answers: one file a provider, one protocol; wrappers compose round any of them."""

"""The test's hand: outcomes, faults and the merchant's panel."""

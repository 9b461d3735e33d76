"""The provider's routes: what they check, and what they do."""

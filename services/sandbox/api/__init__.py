"""The provider's routes: what they refuse, and what they do."""

"""What every request passes: who is calling, what may come in, and how answers and errors leave."""

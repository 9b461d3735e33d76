"""The commands of `extrato`, one file per noun."""

"""The command `extrato status`: its shape, the reading, the verdict and the screen."""

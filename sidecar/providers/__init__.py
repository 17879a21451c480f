"""Few wire formats, many vendors: rows, pure formats, and the only HTTP loop."""

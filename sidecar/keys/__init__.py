"""Keys and their custody. The only room that sees secret stores."""

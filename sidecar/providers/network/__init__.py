"""How requests get to other machines: proxies, trust in certificates, connections that are kept."""

"""Features served online: by the gateway's own routes and in Feast's words."""

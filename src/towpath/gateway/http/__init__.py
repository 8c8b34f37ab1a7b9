"""HTTP/1.1 as the gateway speaks it: connections taken, read and answered."""

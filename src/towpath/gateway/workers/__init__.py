"""Several processes on one port: started, shared out, watched for memory, replaced."""

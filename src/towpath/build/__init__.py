"""The forward path: pipelines that compute, and gates that judge what they made."""

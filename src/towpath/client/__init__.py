"""What a program of the product imports to ask services: nothing here loads a table or a model."""

from towpath.client.asynchronous import AsyncClient
from towpath.client.messages import Prediction, Release
from towpath.client.retrying import Retries
from towpath.client.synchronous import Client
from towpath.core.contracts import Contract

__all__ = ["AsyncClient", "Client", "Contract", "Prediction", "Release", "Retries"]

"""The two apps, under the names that pyproject.toml gives."""

from tacit.deploy import client_app, server_app

client = client_app.app
server = server_app.app

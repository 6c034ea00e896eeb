"""The web application: server-rendered desks and the API."""

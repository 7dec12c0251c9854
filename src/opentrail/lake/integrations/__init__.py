"""Integrations: events of GitHub, Okta, Kubernetes and of anything that writes JSON become events of a channel.

Each is a mapping as data (`mappings/*.toml`), a few pure functions that know the vendor's format, and a row that says where it leads.
Webhooks come in by a door of the front (`api.cloudtrail_data.webhooks`); what has to be fetched is fetched by `opentrail integrate run`.
"""

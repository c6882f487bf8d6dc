"""The Consentio API as a port: endpoints, transport and the wire format."""

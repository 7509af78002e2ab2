"""The demo season: fictitious content of seeds/demo played through the actions."""

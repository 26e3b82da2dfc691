"""How a network is doing on clips that it does not train on."""

"""Face swap: an encoder that all people share and a decoder for each of them."""

"""Text generation under load, and beside transformers."""

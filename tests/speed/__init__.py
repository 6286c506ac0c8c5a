"""Measurements for `manage.py bench`, load generators and peers. The product does not import them."""

"""Rows for pages: ordering, paging, counting; who may see them is decided below."""

"""The book every test of this folder fills."""

import pytest

from tests.segments.book import Book


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)

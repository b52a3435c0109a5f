"""Clients of S3 that have nothing to do with boto3; an environment of their own, for their libraries exclude each other."""

import os

import pytest


@pytest.fixture(autouse=True)
def region(monkeypatch):
    """Some clients take the region only from here."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def noise():
    """Bytes that do not compress, more than one part of any client."""
    return os.urandom(1 << 20) * 18 + b"end"

"""Scripted sessions: the protocol as text that is read by people and run as tests."""

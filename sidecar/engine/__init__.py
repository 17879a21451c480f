"""Executions, and the manager that gives each its provider."""

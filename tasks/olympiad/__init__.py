"""Olympiad problems with one final answer each, in a box."""

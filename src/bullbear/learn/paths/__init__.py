"""Distributions of the path of the coming sessions, one module for each way to arrive at one."""

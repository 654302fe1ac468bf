"""What the end-to-end tests, the fault matrix and the benchmark share: real servers, real runners, a real PostgreSQL."""

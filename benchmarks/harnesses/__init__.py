"""What benchmarks that need a model share: questions, tasks and engines by themselves, a server, other harnesses."""

"""What is versioned: data sets, features, code and models."""

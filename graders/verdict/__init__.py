"""The grader `verdict`: a model that holds the reference says whether an answer is right."""

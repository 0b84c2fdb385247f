"""Labels and folds recomputed from the stored bars, independently of `dataset`, for the check of labels and splits."""

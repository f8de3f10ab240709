"""What a trained model is worth: scores of pictures, thresholds, metrics with intervals, regions and heatmaps.

`engine/tasks/detect/evaluation.py` is the story; each file here is one part of it.
"""

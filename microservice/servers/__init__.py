"""Servers of models that were saved by scikit-learn, XGBoost, LightGBM and MLflow: one module each."""

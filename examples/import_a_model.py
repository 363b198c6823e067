"""A model that exists already, as a fixed-point graph: what tacit evaluates, seals and verifies.

Run: python examples/import_a_model.py
"""

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tacit

x, y = load_breast_cancer(return_X_y=True)

for estimator in (LogisticRegression(), MLPClassifier((16,), max_iter=500, random_state=0)):
    pipeline = make_pipeline(StandardScaler(), estimator).fit(x, y)
    graph = tacit.Graph.from_sklearn(pipeline, low=x.min(axis=0), high=x.max(axis=0), sample=x)
    print(graph)
    print(graph.import_report)
    print(f"accuracy: float {pipeline.score(x, y):.4f}, fixed point {(graph.classify(x) == y).mean():.4f}\n")

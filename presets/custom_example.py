"""An objective of your own: how well does a support vector machine tell three wines apart?

The data set (178 wines, 13 measurements each) comes with scikit-learn; nothing is downloaded.
"""

from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

X, Y = load_wine(return_X_y=True)
FOLDS = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)


def accuracy(c: float, gamma: float, kernel: str, degree: int) -> float:
    """Mean accuracy over five folds. ``degree`` matters to the polynomial kernel only."""
    model = make_pipeline(StandardScaler(), SVC(C=c, gamma=gamma, kernel=kernel, degree=degree))
    return cross_val_score(model, X, Y, cv=FOLDS).mean()

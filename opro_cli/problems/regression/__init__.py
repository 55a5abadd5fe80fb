"""Problems that fit a curve to data: the coefficients are the point, the loss is the value."""

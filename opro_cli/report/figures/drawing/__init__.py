"""What figures are drawn with: scales, marks, lines, ground."""

"""What figures are drawn with: axes and colours, bars of answers, path diagrams."""

"""How many respondents a claim needs, before they are asked."""

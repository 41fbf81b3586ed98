"""From an instrument to something that can be answered, and from what survey systems export back.

`questionnaire` chooses what is asked and in which order; `word`, `pdf`, `limesurvey`, `redcap` and
`xlsform` lay it out and compute nothing; `returned` reads what the three systems export. What an
item, a background column and an answer are called in each system is settled in `codes`, for the
writers and the reader alike.
"""
